"""Processes that come and go while others run: whoever comes next to a slot, to RAM or to flash inherits nothing."""

import random
import re
from pathlib import Path

import pytest
from nursery_board import APP, build_nursery, disabled

from adder.board import ROOT
from adder.run.simulate import Simulation
from adder.symbols import Symbols

BUILT = ROOT / "build" / "apps"
PAGE = 4096
FIRST = 0x20000
"""Where the apps that wait lie: behind those that run."""


@pytest.fixture(scope="session")
def nursery() -> Path:
    return build_nursery()


@pytest.fixture
def kernel(nursery: Path) -> Path:
    return nursery


def conducted(
    simulation, python_app, text: str, waiting: dict[str, Path], *beside: str | Path, ram: int = 16384, **options
) -> Simulation:
    """A simulation with an app that loads and unloads those that wait in flash, beside others.

    It finds the offset of each in `AT`; its last line is "conductor: done".
    """
    offsets, at = {}, FIRST
    for name, path in waiting.items():
        offsets[name] = at
        at += -(-path.stat().st_size // PAGE) * PAGE
    text = f"{APP}\nAT = {offsets!r}\n{text}\nprint('conductor: done')"
    board = simulation(python_app(text, name="conductor", ram=ram), *beside, **options)
    with Path(board.image).open("r+b") as image:
        for name, path in waiting.items():
            image.seek(offsets[name])
            image.write(disabled(path))
    return board


LOOK = """
import syscall, time
from uctypes import bytearray_at
def marks():
    start, broken = syscall.memop(2), syscall.memop(1, 0)
    memory = bytearray_at(start, broken - start)
    found = at = 0
    first, last = bytes([0x5A ^ i for i in b"left"]), bytes([0x5A ^ i for i in b"behind"])
    while True:
        at = memory.find(first, at)
        if at < 0:
            return found
        at += 4
        found += memory[at + 1 : at + 7] == last
"""

STAIN = (
    LOOK
    + """
pattern = bytes([0x5A ^ i for i in b"left behind"])
blocks = []
try:
    while True:
        blocks.append(bytearray(pattern * 20))
except MemoryError:
    del blocks[0]
print("stain: marks:", marks() > 100)
def fired(a, b, c): pass
for driver, number, command, first in ((0, 0, 5, 40000), (3, 0, 1, 0), (4, 0, 7, 0), (0x60000, 0, 1, 0)):
    syscall.subscribe(driver, number, fired)
    syscall.command(driver, command, first)
syscall.allow_rw(0x40001, 0, blocks[0])
syscall.command(0x40001, 1, 200)
syscall.allow_rw(1, 1, blocks[1])
syscall.command(1, 2, 30)
print("stain: waits")
while True:
    syscall.yield_wait_for(9, 9)
"""
)

PROBE = (
    LOOK
    + """
print("probe: left over:", marks())
fired = []
for driver, number in ((0, 0), (1, 2), (3, 0), (4, 0), (0x40001, 0), (0x50001, 0), (0x50001, 1), (0x60000, 0)):
    before = syscall.subscribe(driver, number, lambda a, b, c, d=driver: fired.append(d))
    print("probe: before:", before)
for _ in range(30):
    time.sleep_ms(100)
    fired = [driver for driver in fired if driver != 0]
print("probe: fired:", fired)
while True:
    time.sleep_ms(1000)
"""
)


def test_a_successor_in_slot_and_ram_finds_nothing_of_its_predecessor(simulation, python_app) -> None:
    """Not in its memory, nor among its upcalls, whatever the other had asked for."""
    waiting = {name: python_app(text, name=name, ram=16384) for name, text in (("stain", STAIN), ("probe", PROBE))}
    text = """
first = load(AT["stain"])
time.sleep_ms(1500)
was, life_was = place(first), life(first)
print("again:", load(AT["stain"]))
print("erased:", nursery(5, AT["stain"] // 4096))
unload(first)
print("gone:", life(first), unload(first), unload(99))
second = load(AT["probe"])
print("same slot:", second == first, "same RAM:", place(second) == was, "another life:", life(second) != life_was)
time.sleep_ms(5000)
"""
    with conducted(simulation, python_app, text, waiting) as board:
        board.expect("stain: waits", timeout=60)
        board.expect("probe: left over")
        board.press(0)
        board.send("typed while the other one was to read it\n")
        board.expect("conductor: done", timeout=60)
        shown = board.transcript
    assert "stain: marks: True" in shown
    assert "again: -3" in shown  # ALREADY
    assert "kernel: capsule nursery failed in command 5" in shown
    assert "RuntimeError: a program is loaded from there" in shown
    assert "erased: -1" in shown
    assert "gone: -6 None None" in shown
    assert "same slot: True same RAM: True another life: True" in shown
    assert "probe: left over: 0" in shown
    assert "probe: fired: []" in shown


SERVICE = """
import syscall, time
from adder import ipc
service = ipc.Service("%s")
print("%s: serves")
while True:
    client, buffer = service.wait()
    print("%s: asked:", bytes(buffer[:5] if buffer else b"nothing"))
    service.answer(client)
"""

ROBBER = """
import syscall, time
for number in (2, 3, 4, 5):
    for peer in range(4):
        try:
            print("robber:", number, peer, syscall.command(0x10000, number, peer, 0) or 0)
        except syscall.SyscallError as error:
            print("robber:", number, peer, -error.args[0])
print("robber: has tried")
while True:
    time.sleep_ms(1000)
"""


def test_a_client_does_not_reach_the_successor_of_its_service_nor_that_what_it_lent(simulation, python_app) -> None:
    waiting = {
        "alpha": python_app(SERVICE.replace("%s", "alpha"), name="alpha", ram=10240),
        "robber": python_app(ROBBER, name="robber", ram=10240),
        "beta": python_app(SERVICE.replace("%s", "beta"), name="beta", ram=10240),
    }
    text = """
from adder import ipc
first = load(AT["alpha"])
time.sleep_ms(800)
called = 0
def called_back(a, b, c):
    global called
    called += 1
def tell(slot):
    try:
        return syscall.command(0x10000, 2, slot) or 0
    except syscall.SyscallError as error:
        return -error.args[0]
alpha = ipc.find("alpha")
lent = ipc.shared(64)
lent[:5] = b"alpha"
syscall.allow_rw(0x10000, alpha, lent)
syscall.subscribe(0x10000, alpha, called_back)
print("told alpha:", tell(alpha))
time.sleep_ms(500)
print("called:", called)
print("told again:", tell(alpha))
unload(first)
print("told nobody:", tell(alpha))
second = load(AT["robber"])
time.sleep_ms(800)
print("same slot:", second == first, "told robber:", tell(second), "called:", called)
print("lent:", bytes(lent[:5]))
unload(second)
third = load(AT["beta"])
time.sleep_ms(800)
print("same slot:", third == first, "told beta:", tell(third))
try:
    ipc.find("alpha")
except OSError:
    print("no alpha")
print("found:", ipc.find("beta") == third, "told beta:", tell(third))
time.sleep_ms(500)
print("called:", called)
"""
    with conducted(simulation, python_app, text, waiting) as board:
        board.expect("conductor: done", timeout=60)
        shown = board.transcript.replace("\r", "")
    assert "told alpha: 0" in shown
    assert "alpha: asked: b'alpha'" in shown
    assert "called: 1\n" in shown
    assert "told nobody: -6" in shown
    assert re.search(r"same slot: True told robber: -6 called: \d\n", shown)
    assert "robber: has tried" in shown
    # The conductor is in slot 0. It may be notified, as any process by any; nothing that it had lent is there.
    assert re.search(r"robber: 4 0 0\n", shown)
    assert "lent: b'alpha'" in shown
    assert "same slot: True told beta: -6" in shown
    assert "no alpha" in shown
    assert "found: True told beta: 0" in shown
    assert "beta: asked: b'nothing'" in shown  # and not what was lent to alpha


BUSY = (
    "hello", "blink", "dice", "counter", "buttons", "pins", "alarms-1", "ticks", "echo", "rot13-client", "pong", "ping",
    "float", "flood", "greedy-brk", "greedy-record", "faulty-read-kernel", "faulty-undefined", "badstack-kernel",
    "rot13-py", "rot13-client-py", "clock-py", "logger-py", "exits-restart",
)  # fmt: skip
"""Each of them is in the middle of something most of the time: of an alarm, a write, a read, random bytes, storage, a
button's edge, IPC, a fault and its report, or of using up what there is."""

CHURN = """
import random
random.seed(%d)
names = list(AT)
loaded = {}
most = 0
for turn in range(%d):
    name = random.choice(names)
    if name in loaded:
        unload(loaded.pop(name))
    else:
        slot = load(AT[name])
        if slot >= 0:
            loaded[name] = slot
        elif slot not in (-5, -9):
            print("conductor: cannot load", name, slot)
    most = max(most, len(loaded))
    time.sleep_ms(random.choice((0, 0, 1, 2, 5, 20)))
    if turn %% 100 == 99:
        print("conductor: turn", turn + 1)
for slot in loaded.values():
    unload(slot)
print("conductor: loaded at once:", most)
time.sleep_ms(3000)
"""


def lowest(board: Simulation, address: int, until: str) -> int:
    """The fewest blocks of the kernel's heap that were in use until the console shows a text."""
    fewest = 0xFFFF
    while until not in board.transcript:
        fewest = min(fewest, int.from_bytes(board.read_memory(address, 2), "little"))
        board.run(0.02)
    return fewest


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_apps_of_all_kinds_come_and_go_a_thousand_times_and_the_others_go_on(
    simulation, python_app, kernel, seed, long
) -> None:
    """Each is unloaded in the middle of whatever it does; one that uses every driver stays, and counts its rounds."""
    if seed > 1 and not long:
        pytest.skip("another seed: `make fuzz`")
    waiting = {name: BUILT / f"{name}.tbf" for name in BUSY}
    used = Symbols.read(kernel)["used"].address
    with conducted(
        simulation, python_app, CHURN % (seed, 1000), waiting, "witness", ram=20480, clock="counted"
    ) as board:
        typing = random.Random(seed)
        turn = 0
        heap = {}
        while turn < 1000:
            board.send(chr(typing.randrange(97, 123)) * typing.randrange(1, 9))
            button = typing.randrange(4)
            board.press(button)
            turn += 100
            heap[turn] = lowest(board, used, f"conductor: turn {turn}\r")
            board.release(button)
        board.expect("conductor: done", timeout=60)
        shown = board.transcript
    assert not re.findall(
        r"kernel: capsule \w+ failed.*|.*a callback failed.*|.*panicked.*|.*WRONG.*",
        shown.replace("button is WRONG", "button is pressed"),
    )
    assert "conductor: cannot load" not in shown
    most = re.search(r"loaded at once: (\d+)", shown)
    assert most is not None
    assert int(most[1]) >= 8
    rounds = [int(number) for number in re.findall(r"witness: round (\d+)", shown)]
    assert rounds == sorted(rounds)
    assert len(rounds) > 20
    assert min(heap[900], heap[1000]) <= min(heap[200], heap[300]) + 64
