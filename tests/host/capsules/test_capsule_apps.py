"""capsules/core/apps.py and app_loader.py, on the app store: what the shell's /apps is made of."""

import random
import struct
from collections.abc import Callable

import config
import pytest
from app_flash import Board, program, walk
from cells import Buffer
from cut_short import every_cut
from hardware import FakeAlarm
from kernel import ErrorCode

from capsules.core import app_loader, apps, process_info
from capsules.virtual.app_store import GONE

APPS, LOADER, INFO = apps.DRIVER_NUM, app_loader.DRIVER_NUM, process_info.DRIVER_NUM
COUNT, DESCRIBE, READ, REMOVE, CONSOLE = range(1, 6)
SETUP, WRITE, FINALIZE, LOAD, ABORT, UNLOAD, REPLACE = 1, 2, 3, 4, 5, 6, 64

A, B, C, SHELL = program("a", 512), program("b", 1024, fill=3), program("a", 256, fill=5), program("shell", 512)


class Shelf(Board):
    """A board with both drivers, and an app that uses them."""

    def __init__(self, *parts: bytes) -> None:
        given = b"".join(parts)
        super().__init__(bytearray((given if len(given) == 512 * 16 else given + SHELL).ljust(512 * 16, b"\xff")))
        machine = self.machine
        grant = machine.grant(APPS, apps.LAYOUT)
        self.apps = apps.Apps(self.store, grant, machine.control, Buffer(64))
        machine.serve(grant, self.apps.command)
        grant = machine.grant(LOADER, app_loader.LAYOUT)
        machine.serve(grant, app_loader.AppLoader(self.store, grant, machine.control, Buffer(144), FakeAlarm()).command)
        self.run()
        self.app = next(app for app in machine.processes.values() if app.name.startswith(b"shell"))
        if not self.machine.loader.taken:
            assert self.app.command(APPS, COUNT) == ErrorCode.BUSY  # it is looked up
            self.run()

    def upcalls(self) -> list[tuple[int, ...]]:
        self.run()
        return [upcall[1:] for upcall in self.app.take_upcalls()]

    def names(self) -> list[str]:
        """Of the others."""
        return sorted(self.state().keys() - {"shell"})

    def ask_loader(self, number: int, first: int = 0, second: int = 0) -> tuple[int, ...]:
        assert self.app.command(LOADER, number, first, second) == ()
        [upcall] = self.upcalls()
        assert upcall[0] == number - 1
        return upcall[1:]

    def load(self, data: bytes, *replaced: int) -> int:
        """Install one; the status."""
        status = self.ask_loader(SETUP, len(data))[0]
        if status:
            return status
        for at in range(0, len(data), 200):
            piece = data[at : at + 200]
            self.app.allow_read_only(LOADER, 0, piece)
            assert self.ask_loader(WRITE, at, len(piece)) == (0, len(piece), 0)
        for number in replaced:
            assert self.app.command(LOADER, REPLACE, number) == ()
        status = self.ask_loader(FINALIZE)[0]
        if status:
            assert self.ask_loader(ABORT)[0] == 0
            return status
        return self.ask_loader(LOAD)[0]


def test_apps_are_counted_described_and_read() -> None:
    shelf = Shelf(A, B)
    assert shelf.app.command(APPS, COUNT) == (3, 512 * 14)
    memory = shelf.app.allow_read_write(APPS, 0, 40)
    assert shelf.app.command(APPS, DESCRIBE, 1) == (10,)
    start, size, flags, identifier, *_ = struct.unpack("<10I", bytes(memory))
    assert (start, size, flags) == (512, 1024, 1)
    assert identifier == shelf.machine.control.fact(shelf.store.slot_of(1), "id")
    memory = shelf.app.allow_read_write(APPS, 0, 100)
    assert shelf.app.command(APPS, READ, 1, 30) == (64,)
    assert bytes(memory[:64]) == B[30:94]
    assert shelf.app.command(APPS, READ, 0, 500) == (12,)
    assert shelf.app.command(APPS, READ, 0, 512) == (0,)
    for number in (DESCRIBE, READ, REMOVE):
        assert shelf.app.command(APPS, number, 3) == ErrorCode.INVAL
        assert shelf.app.command(APPS, number, 0xFFFFFFFF) == ErrorCode.INVAL


def test_one_that_does_not_run_has_no_process() -> None:
    shelf = Shelf(A, program("off", 512, enabled=False))
    memory = shelf.app.allow_read_write(APPS, 0, 40)
    assert shelf.app.command(APPS, DESCRIBE, 1) == (10,)
    assert struct.unpack("<10I", bytes(memory)) == (512, 512, 0, 0, 0, 0, 0, 0, 0, 0)


def test_an_app_is_removed_and_its_asker_told() -> None:
    shelf = Shelf(A, B)
    assert shelf.app.command(APPS, REMOVE, 0) == ()
    assert shelf.app.command(APPS, REMOVE, 0) == ErrorCode.BUSY
    assert shelf.upcalls() == [(0, 0, 0, 0)]
    assert shelf.names() == ["b"]
    assert list((walk(shelf.flash.data) or {}).values()) == [B, SHELL]


def test_who_ends_while_it_removes_one_is_not_told_and_blocks_nobody() -> None:
    shelf = Shelf(A, B)
    assert shelf.app.command(APPS, REMOVE, 0) == ()
    shelf.app.restart()
    shelf.run()
    assert shelf.names() == ["b"]
    assert shelf.app.command(APPS, REMOVE, 0) == ()
    assert shelf.upcalls() == [(0, 0, 0, 0)]
    assert shelf.names() == []


class Stubborn(Shelf):
    """Another app loads one, and begins again whenever it is cut off."""

    def __init__(self) -> None:
        super().__init__(A, B)
        self.other = self.machine.process("other")
        self.again()

    def again(self) -> "tuple[int, ...] | int":
        """A step of it: begin, write, give up."""
        self.other.allow_read_only(LOADER, 0, C)
        begun = any(upcall[1:3] == (SETUP - 1, 0) for upcall in self.other.take_upcalls())
        if begun and self.other.command(LOADER, WRITE, 0, 128) == ():
            return ()
        answer = self.other.command(LOADER, SETUP, len(C))
        return self.other.command(LOADER, ABORT) if answer == ErrorCode.FAIL else answer


def test_who_removes_an_app_has_its_turn_however_often_another_begins_to_load() -> None:
    """Its process calls at every chance, and the one that removes once."""
    for steps in range(30):
        shelf = Stubborn()
        for _ in range(steps):
            shelf.machine.run()
            shelf.flash.step()
            shelf.again()
        assert shelf.app.command(APPS, REMOVE, 0) == ()
        told: list[tuple[int, ...]] = []
        for _ in range(60):
            assert shelf.again() in ((), ErrorCode.BUSY, ErrorCode.FAIL)
            shelf.machine.run()
            shelf.flash.step()
            told += [upcall[1:] for upcall in shelf.app.take_upcalls()]
        assert told == [(0, 0, 0, 0)]
        assert shelf.names() == ["b"]


def test_of_two_that_remove_while_another_loads_the_second_is_told_to_come_again() -> None:
    shelf = Stubborn()
    third = shelf.machine.process("third")
    assert shelf.app.command(APPS, REMOVE, 0) == ()
    assert third.command(APPS, REMOVE, 1) == ErrorCode.BUSY
    assert shelf.upcalls() == [(0, 0, 0, 0)]
    assert shelf.names() == ["b"]


def test_a_host_that_comes_between_is_the_next_and_who_removes_one_is_told() -> None:
    shelf = Stubborn()
    assert shelf.app.command(APPS, REMOVE, 0) == ()
    assert shelf.store.begin(shelf.client) == ErrorCode.BUSY
    assert shelf.upcalls() == [(0, ErrorCode.BUSY, 0, 0)]
    assert shelf.store.begin(shelf.client) == 0
    assert shelf.ask(shelf.store.abort(shelf.client)) == ErrorCode.CANCEL
    assert shelf.app.command(APPS, REMOVE, 0) == ()
    assert shelf.upcalls() == [(0, 0, 0, 0)]


def test_who_ends_while_it_waits_to_remove_one_keeps_nobody_out() -> None:
    shelf = Stubborn()
    assert shelf.app.command(APPS, REMOVE, 0) == ()
    shelf.app.restart()
    shelf.run()
    assert shelf.names() == ["b"]
    assert shelf.again() == ()


def test_nobody_is_kept_out_though_waiting_to_remove_one_is_cut_short_anywhere() -> None:
    """Before each of its opcodes."""

    def scene() -> tuple[Callable[[], None], Callable[[], None]]:
        shelf = Stubborn()
        shelf.run()

        def check() -> None:
            shelf.run()
            assert shelf.store.begin(shelf.client) == 0
            assert shelf.ask(shelf.store.abort(shelf.client)) == ErrorCode.CANCEL
            assert shelf.app.command(APPS, REMOVE, 0) == ()
            shelf.app.take_upcalls()
            assert shelf.upcalls() == [(0, 0, 0, 0)]

        def handler() -> None:
            shelf.app.command(APPS, REMOVE, 0)

        return handler, check

    every_cut(scene)


def test_what_is_gone_is_removed_again_without_a_change() -> None:
    """Its bytes stay while another app has a part of its page; nobody wears the flash out by asking."""
    shelf = Shelf(program("a", 256), program("c", 256), B)
    assert shelf.app.command(APPS, REMOVE, 0) == ()
    assert shelf.upcalls() == [(0, 0, 0, 0)]
    assert shelf.store.flags_of(0) == GONE
    before = bytes(shelf.flash.data)
    erased = list(shelf.flash.erased)
    for _ in range(20):
        assert shelf.app.command(APPS, REMOVE, 0) == ()
        assert shelf.upcalls() == [(0, 0, 0, 0)]
        assert shelf.change(("enable", "c")) == 0  # as little as a host that changes nothing
    assert bytes(shelf.flash.data) == before
    assert list(shelf.flash.erased) == erased
    assert shelf.names() == ["b", "c"]


@pytest.mark.parametrize("way", ["begins", "gives up"])
def test_a_host_that_waits_is_the_next_however_often_programs_ask(way) -> None:
    shelf = Shelf(A, B, C)
    other = shelf.machine.process("other")
    host = shelf.client
    assert shelf.app.command(APPS, REMOVE, 0) == ()
    assert shelf.store.begin(host) == ErrorCode.BUSY
    for _ in range(3):
        assert [upcall[:2] for upcall in shelf.upcalls()] in ([(0, 0)], [])
        assert shelf.app.command(APPS, REMOVE, 0) == ErrorCode.BUSY
        assert other.command(LOADER, SETUP, 512) == ErrorCode.BUSY
    if way == "begins":
        assert shelf.store.begin(host) == 0
        assert shelf.app.command(APPS, REMOVE, 0) == ErrorCode.BUSY
        assert shelf.ask(shelf.store.commit(host)) == 0
    else:
        assert shelf.store.abort(host) == ErrorCode.INVAL
    assert shelf.app.command(APPS, REMOVE, 0) == ()
    assert shelf.upcalls() == [(0, 0, 0, 0)]
    assert other.command(LOADER, SETUP, 512) == ()


def test_an_app_takes_the_place_of_another_in_one_step() -> None:
    shelf = Shelf(A, B)
    assert shelf.load(C, 0) == 0
    assert shelf.state()["a"][0] == C
    assert shelf.names() == ["a", "b"]
    assert Shelf(bytes(shelf.flash.data)).names() == ["a", "b"]


def test_an_app_takes_the_name_of_no_other_one_but_in_its_place() -> None:
    shelf = Shelf(A, B)
    for data in (C, program("shell", 512, fill=7)):
        assert shelf.load(data) == ErrorCode.ALREADY
    assert shelf.load(C, 1) == ErrorCode.ALREADY  # in the place of another one
    assert shelf.ask_loader(SETUP, len(C))[0] == 0
    assert shelf.app.command(LOADER, REPLACE, 1) == ()
    assert shelf.app.command(LOADER, REPLACE, 1) == ()
    assert shelf.app.command(LOADER, REPLACE, 0) == ErrorCode.ALREADY
    assert shelf.ask_loader(ABORT)[0] == 0
    assert shelf.state()["a"][0] == A
    assert shelf.names() == ["a", "b"]


def test_what_is_refused_replaces_nothing() -> None:
    shelf = Shelf(A, B)
    damaged = C[:12] + b"\0\0\0\0" + C[16:]
    assert shelf.load(damaged) == ErrorCode.INVAL
    assert shelf.app.command(LOADER, REPLACE, 0) == ErrorCode.FAIL  # before setup
    assert shelf.ask_loader(SETUP, 512)[0] == 0
    assert shelf.app.command(LOADER, REPLACE, 3) == ErrorCode.INVAL
    assert shelf.app.command(LOADER, REPLACE, 0) == ()
    assert shelf.ask_loader(ABORT)[0] == 0
    assert shelf.state()["a"][0] == A


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_asked_in_whatever_order_apps_stay_whole(seed) -> None:
    dice = random.Random(seed)
    shelf = Shelf(A, B)
    known = {A, B, C, SHELL}
    left: set[int] = set()  # of the program: each byte is written once
    for _ in range(120):
        own = shelf.number("shell")  # it does not remove itself
        if dice.random() < 0.4:
            number, first = dice.choice((COUNT, DESCRIBE, READ, REMOVE)), dice.choice((0, 0, 1, 2, 77, 0xFFFFFFFF))
            number = DESCRIBE if first == own else number
            shelf.app.command(APPS, number, first, dice.choice((0, 16, 999)))
        else:
            number = dice.choice((SETUP, SETUP, WRITE, WRITE, WRITE, FINALIZE, REPLACE, LOAD, ABORT))
            at = dice.choice(sorted(left)) if left else 0x100
            first = {SETUP: 256, WRITE: at, REPLACE: dice.choice([n for n in range(4) if n != own])}.get(number, 0)
            shelf.app.allow_read_only(LOADER, 0, C[at : at + 128])
            answer = shelf.app.command(LOADER, number, first, 128)
            if answer == ():
                left = {0, 128} if number == SETUP else left - {at} if number == WRITE else left
        if dice.random() < 0.8:
            shelf.run()
            shelf.app.take_upcalls()
    shelf.run()
    for board in (shelf, Board(shelf.flash.data).booted()):
        for data, _, _ in board.state().values():
            assert data in known or data.startswith(C[:44])  # who writes a part of a program has that


def test_which_console_the_shell_begins_with_is_the_boards_choice(monkeypatch) -> None:
    shelf = Shelf(A)
    for chosen in (0, 1):
        monkeypatch.setattr(config, "SHELL_PROCESS_CONSOLE", chosen)
        assert shelf.app.command(APPS, CONSOLE) == (chosen,)


def test_a_process_console_sees_facts_and_may_panic_only_if_the_board_says_so(machine, monkeypatch) -> None:
    grant = machine.grant(INFO, process_info.LAYOUT)
    machine.serve(grant, process_info.ProcessInfo(grant, machine.control).command)
    app = machine.process("seen")
    app.facts.update(ram_start=0x1000, ram_end=0x2000, app_break=0x1800, dropped_upcalls=3)
    memory = app.allow_read_write(INFO, 0, 60)
    assert app.command(INFO, 101, app.id) == (15,)
    values = struct.unpack("<15I", bytes(memory))
    assert values[1] == 3
    assert values[4:7] == (0x1000, 0x2000, 0x1800)
    assert app.command(INFO, 101, 999) == ErrorCode.INVAL
    monkeypatch.setattr(config, "PROCESS_PANIC", 0)
    assert app.command(INFO, 102) == ErrorCode.NOSUPPORT
    assert machine.control.panics == []
    monkeypatch.setattr(config, "PROCESS_PANIC", 1)
    app.command(INFO, 102)
    assert machine.control.panics == ["Process Console forced a kernel panic."]
