"""A kernel that was wired when it was built: what lies in flash stays as it is, and is what a boot would have made."""

import copy
import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from kernels import build_board, write

from adder.board import ROOT, Region, read_manifest
from adder.errors import AdderError
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import Simulation
from adder.wire import emulate, powers, wire
from adder.wire.check import Wired as Checked
from adder.wire.check import check
from adder.wire.compare import Wired, Write, words, writes_of
from adder.wire.emulate import PLACES, Access, Run, run_all
from adder.wire.kernel import Kernel
from adder.wire.objects import Heap
from adder.wire.places import Sources
from adder.wire.same import check_same

APPS = ["hello", "blink", "ping", "pong", "float", "spin", "faulty", "clock-py", "rot13-py", "rot13-client-py"]


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where a wired kernel of QEMU's board has been built."""
    return ROOT / "build" / "qemu"


def memory_of(board: str, folder: Path) -> list[Region]:
    memory = read_manifest(board, folder)["memory"]
    return [Region(memory[name]["start"], memory[name]["size"]) for name in ("kernel_flash", "ram")]


def test_the_same_kernel_is_wired_to_the_same_bytes(folder: Path) -> None:
    kernel = Kernel(folder / "kernel_unwired.elf")
    again = wire(kernel, memory_of("qemu", folder), Sources("qemu", folder))
    assert again.data == (folder / "wired.bin").read_bytes()


def test_a_wired_kernel_is_the_one_that_wires_itself_without_what_that_takes(folder: Path, tmp_path: Path) -> None:
    wired, unwired = (Kernel(folder / f"kernel{name}.elf") for name in ("", "_unwired"))
    check_same(wired, unwired)
    assert wired.symbols["_wiring_end"] == wired.symbols["_wired_end"]
    assert unwired.symbols["_wiring_end"] - unwired.symbols["_wiring_code_start"] > 8000
    # A byte of the frozen code that is another one is found.
    at = wired.symbols["_frozen_code_start"] + 64
    code, whole = wired.bytes(at, 64), wired.path.read_bytes()
    assert whole.count(code) == 1
    copy = tmp_path / "kernel.elf"
    copy.write_bytes(whole.replace(code, bytes([code[0] ^ 1]) + code[1:]))
    with pytest.raises(AdderError, match=f"the word at 0x{at & ~3:08x} is"):
        check_same(Kernel(copy), unwired)


def test_all_apps_fault_and_restart_and_no_byte_of_the_flash_changes(folder: Path, tmp_path: Path) -> None:
    image = FlashImage(tmp_path / "flash.img")
    image.install([read_app_file(ROOT / f"build/apps/{name}.tbf") for name in APPS], only=True)
    kernel = Kernel(folder / "kernel.elf")
    start, end = kernel.symbols["_wired"], kernel.symbols["_wired_end"]
    with Simulation(folder / "kernel.elf", image.path) as board:
        # What is wanted comes in about five of the board's seconds.
        again = re.compile(r"faulty: read-kernel[\s\S]*restart in 100 ms[\s\S]*faulty: read-kernel")
        assert board.run_until(
            lambda: "ping: 200 round trips" in board.transcript and again.search(board.transcript) is not None, 300
        )
        assert board.read_memory(start, end - start) == kernel.bytes(start, end - start)
        text = board.transcript
    for said in ("hello: hello, 1 of 5", "clock 00:00:01", "Uryyb sebz Clguba", "no register lost"):
        assert said in text
    assert "kernel: capsule" not in text


ENDLESS = b"\xfe\xe7"  # b .


@pytest.fixture(scope="module")
def witness(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, int]:
    """The words of RAM when the kernel that wires itself has done so in QEMU."""
    kernel = Kernel(folder / "kernel_unwired.elf")
    stopped = tmp_path_factory.mktemp("witness") / "kernel.elf"
    over = kernel.symbols["wiring_is_over"] & ~1
    whole = kernel.path.read_bytes()
    code = kernel.bytes(over - 16, 32)
    assert whole.count(code) == 1
    at = whole.index(code) + 16
    stopped.write_bytes(whole[:at] + ENDLESS + whole[at + 2 :])
    image = FlashImage(stopped.with_name("flash.img"))
    image.install([], only=True)
    start, end = kernel.symbols["_data_start"], kernel.symbols["_heap_end"]
    with Simulation(stopped, image.path) as board:
        board.run_until(lambda: f"R15={over:08x}" in board.monitor("info registers"), 60)
        return dict(zip(range(start, end, 4), words(board.read_memory(start, end - start)), strict=True))


def test_a_boot_makes_in_ram_what_the_build_has_put_into_the_image_block_by_block(
    folder: Path, witness: dict[int, int]
) -> None:
    """Other engine, other heap, with collections on the way: the blocks lie elsewhere and are otherwise the same."""
    kernel = Kernel(folder / "kernel_unwired.elf")
    wired = Wired(kernel, run_all(kernel, memory_of("qemu", folder)))
    wired.check()
    heap = Heap(wired, Sources("qemu", folder))
    twins: dict[int, int] = {}
    waiting: list[int] = []

    def same(ours: int, theirs: int) -> None:
        """Two addresses of the same object."""
        block = heap.blocks[max(start for start in heap.blocks if start <= ours)]
        begin = theirs - (ours - block.address)
        if block.address not in twins:
            twins[block.address] = begin
            waiting.append(block.address)
        assert twins[block.address] == begin

    for address in sorted(wired.pointers):
        if wired.variables <= address < kernel.symbols["_bss_end"] and not heap.left_out(address):
            same(wired.word(address), witness[address])
    while waiting:
        block = heap.blocks[waiting.pop()]
        for offset in range(0, block.size, 4):
            ours, theirs = wired.word(block.address + offset), witness[twins[block.address] + offset]
            if block.address + offset in wired.pointers:
                same(ours, theirs)
            else:
                assert ours == theirs, f"{block.kind} {block.what} at 0x{block.address:08x}, byte {offset}"
    assert set(twins) == set(heap.blocks)
    assert len(set(twins.values())) == len(twins) > 500


def test_a_recipe_that_does_not_come_to_an_end_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(folder / "kernel_unwired.elf")
    monkeypatch.setattr(emulate, "INSTRUCTIONS", 20_000_000)
    name = "capsules_core_led_LedDriver___init__"
    at = (kernel.symbols[f"fun_data_{name}"] & ~1) + 8  # behind its length, push and sub
    whole, code = kernel.path.read_bytes(), kernel.bytes(at, 256)
    assert whole.count(code) == 1
    endless = tmp_path / "kernel_unwired.elf"
    endless.write_bytes(whole.replace(code, ENDLESS + code[2:]))
    with pytest.raises(AdderError, match=r"wired: capsules/core/led\.py, LedDriver\.__init__ does not come to an end"):
        run_all(Kernel(endless), memory_of("qemu", folder))


SPOILED = """\"\"\"Spoils the wiring.

Driver number 0xBAD00{number}

Command
    0 exists -> success
\"\"\"

from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, Layout, ProcessId, log
from micropython import const

DRIVER_NUM = const(0xBAD00{number})

LAYOUT = Layout()


class Spoiler:
    def __init__(self, grant: Grant) -> None:
        self._grant = grant
        self._many = [[0, 0, 0, 0] for _ in range(100)]
{body}

    def _share(self, parts: int) -> int:
        return 1 // parts

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        return SUCCESS if number == 0 else ErrorCode.NOSUPPORT
"""

SPOILERS = {
    "spoof": 'log("kernel: capsule led failed in its recipe, try 1 (failure 1)")',
    "fails": 'self._x = self._share(len(""))',
    "raises": "raise MemoryError()",
    "flood": 'for _ in range(200):\n            log("a line that is as long as a line of the log may well be")',
    "takes": "while True:\n            self._many = [self._many, [0 for _ in range(100)]]",
}
"""What their `__init__` does besides: two of them only write lines, as many and as they like."""

HELPER = """\"\"\"Bytecode between functions of machine code.\"\"\"

from typing import Callable


class Helper:
    def __init__(self, work: "Callable[[int], int]") -> None:
        self._work = work

    def through(self, parts: int) -> int:
        return self._work(parts)

    def ends(self, parts: int) -> int:
        return 100 // parts
"""
MIXED = SPOILED.replace("\n\n\nclass", "\n\nfrom capsules.hostile.helper import Helper\n\n\nclass").replace(
    "return 1 // parts", "return self._helper.ends(parts)"
)
MIXES = """        self._helper = Helper(self._share)
        self._x = self._helper.through(len(""))"""


def write_board(folder: Path, more: str) -> None:
    """QEMU's board, and something more."""
    write(folder / "board.py", (ROOT / "boards" / "qemu" / "board.py").read_text() + more)
    for name in ("memory.toml", "defconfig"):
        write(folder / name, (ROOT / "boards" / "qemu" / name).read_text())


def write_spoiled_board(folder: Path) -> None:
    """With all that spoils it."""
    more = ""
    for number, (name, body) in enumerate(SPOILERS.items()):
        write(folder / f"capsules/hostile/{name}.py", SPOILED.format(number=number, body=f"        {body}"))
    write(folder / "capsules/hostile/helper.py", HELPER)
    write(folder / "capsules/hostile/mixes.py", MIXED.format(number=len(SPOILERS), body=MIXES))
    write(folder / "mpy-cross.cfg", "[emit]\ncapsules/hostile/helper = bytecode\n")
    for name in ("mixes", *SPOILERS):
        more += f"from capsules.hostile import {name}\n"
        more += f'mint.serve("{name}", {name}, lambda grant: {name}.Spoiler(grant).command)\n'
    write_board(folder, more)


def test_the_build_names_the_capsules_that_cannot_be_made_whatever_others_write_into_the_log() -> None:
    """For want of memory, too: a share of it is all that one capsule gets, here as on a board."""
    with pytest.raises(AssertionError) as refused:
        build_board("spoiled", write_spoiled_board)
    named = "capsule 'mixes', capsule 'fails', capsule 'raises', capsule 'takes'"
    said = str(refused.value)
    assert f"What cannot be made: {named}. The kernel said:" in said
    # And where: each function that is in the call, the constructor too, and no other.
    for name, functions, error in (("fails", "__init__ _share", "ZeroDivisionError"), ("raises", "__init__", "Memory")):
        frames = "".join(
            rf'  File "capsules/hostile/{name}\.py", in Spoiler\.{function}\n' for function in functions.split()
        )
        where = rf'kernel: capsule {name} failed .*\nTraceback .*\n  File "board\.py", in <lambda>\n{frames}{error}'
        assert re.search(where, said), said
    # Whether it was compiled to machine code or to bytecode, who was called last comes last.
    called = ["mixes.py Spoiler.__init__", "helper.py through", "mixes.py Spoiler._share", "helper.py ends"]
    frames = "".join('  File "capsules/hostile/{}", in {}\n'.format(*frame.split()) for frame in called)
    assert f'  File "board.py", in <lambda>\n{frames}ZeroDivisionError' in said, said


def test_the_build_says_why_a_board_cannot_be_wired_and_in_which_line() -> None:
    """In the board's own file, as it was written."""
    written: list[str] = []

    def write(folder: Path) -> None:
        write_board(folder, 'mint.registers("no such thing")\n')
        written[:] = (folder / "board.py").read_text().splitlines()

    with pytest.raises(AssertionError) as refused:
        build_board("spoiled", write)
    said = str(refused.value)
    assert "adder: The kernel cannot be wired: ValueError: the manifest has no peripheral no such thing. It s" in said
    found = re.search(r'  File ".*/board/board\.py", line (\d+), in <module>', said)
    assert found
    assert written[int(found[1]) - 1] == 'mint.registers("no such thing")'


# -- What the runs tell -------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[Run]:
    """Those of QEMU's kernel."""
    return run_all(Kernel(folder / "kernel_unwired.elf"), memory_of("qemu", folder))


DISTANCE = PLACES[1] - PLACES[0]


def with_word(runs: list[Run], at: int, differs: tuple[int, int, int]) -> list[Run]:
    """The runs with something added to a word of the heap, in each something else."""

    def changed(run: Run, by: int) -> Run:
        [word] = struct.unpack_from("<I", run.objects, at)
        return replace(run, objects=run.objects[:at] + struct.pack("<I", word + by) + run.objects[at + 4 :])

    return [changed(run, by) for run, by in zip(runs, differs, strict=True)]


def an_attribute(folder: Path, runs: list[Run]) -> tuple[int, int]:
    """Where in the heap an attribute of an object is, whose value is a small number; and where there is an object."""
    wired = Wired(Kernel(folder / "kernel_unwired.elf"), runs)
    tables = [block for block in Heap(wired, Sources("qemu", folder)).blocks.values() if block.kind == "table"]
    values = (at for block in tables for at in range(block.address + 4, block.address + block.needs, 8))
    return next(at for at in values if wired.word(at) == 1) - wired.heap, tables[0].address - wired.heap


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ((0, DISTANCE, DISTANCE), "no address of an object"),  # what was computed from a text with an address in it
        ((0, 0, DISTANCE), "no address of an object"),  # from what was read: once it was taken for an address
        ((PLACES[0], PLACES[1], PLACES[0]), "is no object, but differs like the address of one"),  # odd, as numbers are
    ],
)
def test_a_number_that_only_looks_like_an_address_ends_the_build(
    folder: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch, differs: tuple[int, int, int], said: str
) -> None:
    kernel = Kernel(folder / "kernel_unwired.elf")
    at, other = an_attribute(folder, runs)
    first, second, third = (by + other if by >= PLACES[0] else by for by in differs)
    monkeypatch.setattr("adder.wire.run_all", lambda *_: with_word(runs, at, (first, second, third)))
    with pytest.raises(AdderError, match=said):
        wire(kernel, memory_of("qemu", folder), Sources("qemu", folder))


def test_a_capsule_that_fails_in_one_of_the_runs_has_failed(
    folder: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(folder / "kernel_unwired.elf")
    facts = kernel.facts
    at = kernel.symbols["capsules"] + 3 * facts["capsule"] + facts["capsule.failures"] - kernel.symbols["_data_start"]
    for number in range(3):
        failed = [*runs]
        ram = failed[number].ram
        failed[number] = replace(failed[number], ram=ram[:at] + b"\1" + ram[at + 1 :], said=f"that is run {number}")
        monkeypatch.setattr("adder.wire.run_all", lambda *_, failed=failed: failed)
        with pytest.raises(AdderError, match=rf"^What cannot be made: capsule '\w+'[\s\S]*that is run {number}"):
            wire(kernel, memory_of("qemu", folder), Sources("qemu", folder))


def journal(folder: Path, runs: list[Run], *values: tuple[int, int, int], read: bool) -> list[Write]:
    """The writes of somebody who writes these to one register, each perhaps after he has read that."""
    reads = [Access(0x40004510, None, 0, 0)] if read else []
    accesses = [[*reads, Access(0x40004510, value, 0, 0)] for value in values[0]]
    return writes_of(Wired(Kernel(folder / "kernel_unwired.elf"), runs), accesses)


def test_bits_that_were_read_are_not_part_of_what_is_written(folder: Path, runs: list[Run]) -> None:
    assert journal(folder, runs, (6, 6, 0xFFFFFFFE), read=True) == [Write(0x40004510, 0x7, 0x6)]
    assert journal(folder, runs, (6, 6, 6), read=True) == [Write(0x40004510, 0xFFFFFFFF, 0x6)]
    assert journal(folder, runs, (6, 6, 6), read=False) == [Write(0x40004510, 0xFFFFFFFF, 0x6)]


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ((PLACES[0], PLACES[1], PLACES[0]), True),  # a buffer's address, after a read of the pointer's register
        ((PLACES[0], PLACES[1], PLACES[1]), True),
        ((1, 1, 0xFFFFFFFE), True),  # a bit that is turned over: no mask says that
        ((6, 6, 7), False),
    ],
)
def test_what_is_written_never_depends_on_where_the_heap_is_nor_on_what_was_read(
    folder: Path, runs: list[Run], values: tuple[int, int, int], read: bool
) -> None:
    with pytest.raises(AdderError, match="writes to the register at 0x40004510 what is not the same"):
        journal(folder, runs, values, read=read)


# -- The second reader ------------------------------------------------------------------


def damaged(kernel: Path, copy: Path, at: int, word: int) -> Path:
    """A copy of the kernel with another word there, in its wired part."""
    whole, parts = kernel.read_bytes(), Kernel(kernel)
    start, end = parts.symbols["_wired"], parts.symbols["_wired_end"]
    part = parts.bytes(start, end - start)
    assert whole.count(part) == 1
    place = whole.index(part) + at - start
    copy.write_bytes(whole[:place] + struct.pack("<I", word) + whole[place + 4 :])
    return copy


@pytest.fixture(scope="module")
def checked(folder: Path) -> Checked:
    """What it makes of the kernel."""
    return check(folder / "kernel.elf", read_manifest("qemu", folder))


def test_the_second_reader_finds_each_address_that_leads_elsewhere(
    folder: Path, checked: Checked, tmp_path: Path
) -> None:
    """A sample of all words in flash that are addresses of objects: moved into the object, or to where none is."""
    manifest = read_manifest("qemu", folder)
    flash = checked.flash
    objects = {at for at, thing in checked.things.items() if at % 4 == 0 and thing.kind not in ("text", "bytes")}
    places = [at for at in range(flash.start, flash.end, 4) if checked.image.word(at) in objects]
    assert len(places) > 500
    missed = []
    for number, at in enumerate(places[:: len(places) // 16]):
        word = checked.image.word(at) + (4, -4, 0x10000)[number % 3]
        copy = damaged(folder / "kernel.elf", tmp_path / "damaged.elf", at, word)
        try:
            check(copy, manifest)
        except AdderError:
            continue
        missed.append(f"0x{at:08x}: 0x{word:08x}")
    assert not missed


def with_number(wired: Checked, word: int) -> Checked:
    """The same kernel, in which a variable that was 0 has this word."""
    again = copy.copy(wired)
    variable = next(at for at, value in wired.ram.items() if value == 0 and at not in wired.changing)
    again.ram = wired.ram | {variable: word}
    again._find_all()
    return again


def test_a_number_in_a_variable_may_look_like_an_object(checked: Checked) -> None:
    """It may be the address of any word in flash that names a type, in a table or a class: no object begins there."""
    flash, known = checked.flash, set(checked.things)
    places = [at for at in range(flash.start, flash.end, 4) if at not in known and checked._is_object(at)]
    kinds = {checked._constant(checked.word(at)) for at in places}
    assert {"buffer_type", "error_code_type"} <= kinds, kinds
    for kind in sorted(kinds):
        at = next(at for at in places if checked._constant(checked.word(at)) == kind)
        assert set(with_number(checked, at).things) == known, f"0x{at:08x}: {kind}"


def test_a_variable_that_leads_to_what_nobody_else_does_is_no_number(checked: Checked) -> None:
    """Something between the objects whose type is not one: there is nothing that it could be a part of."""
    at = next(
        at
        for at in range(checked.flash.start, checked.flash.end, 4)
        if not checked._is_within(at) and at not in checked.things
    )
    again = copy.copy(checked)
    again.ram = checked.ram | {at: checked.symbols["error_code_type"]}
    with pytest.raises(AdderError, match="is of a type that is not known here"):
        with_number(again, at)


@pytest.mark.parametrize(
    ("kind", "word", "value", "said"),
    [
        ("register_field_type", 1, 0x40005000, "is a register of no peripheral"),
        ("interrupt_line_type", 1, 7, "which the manifest does not name"),
        ("flash_range_type", 2, 0x20000, "is not a range of the manifest"),
        ("mp_type_fun_native", 3, 0x101, "is not where a function of the frozen code begins"),
        ("mp_type_dict", 1, 0, "but is not sealed"),
    ],
)
def test_the_second_reader_refuses_a_power_that_the_board_does_not_have(
    folder: Path, checked: Checked, tmp_path: Path, kind: str, word: int, value: int, said: str
) -> None:
    thing = next(thing for thing in checked.things.values() if thing.kind == kind and thing.address in checked.flash)
    copy = damaged(folder / "kernel.elf", tmp_path / "damaged.elf", thing.address + 4 * word, value)
    with pytest.raises(AdderError, match=said):
        check(copy, read_manifest("qemu", folder))


@pytest.mark.parametrize("name", ["length", "pointer"])
def test_the_second_reader_refuses_a_write_at_boot_to_a_protected_register(checked: Checked, name: str) -> None:
    """Whatever the list says, but what C leaves a channel of DMA with: no length, or nowhere for a pointer."""
    at, entry = checked.writes, checked.manifest["peripherals"]["uart0"]
    [part] = [data for start, data in checked.image.parts if start <= at < start + len(data)]
    [start] = [start for start, data in checked.image.parts if data is part]
    before, offset = bytes(part), entry["size"] - 4
    nothing = 0 if name == "length" else checked.symbols["nowhere"]

    def said(mask: int, value: int) -> str:
        struct.pack_into("<III", part, at - start, entry["base"] + offset, mask, value)
        try:
            checked._check_writes()
        except AdderError as error:
            return str(error)
        finally:
            part[:] = before
            entry.pop("protected", None)
        return ""

    assert said(0xFFFFFFFF, nothing) == ""
    entry["protected"] = [offset]
    assert "a protected register of 'uart0'" in said(0xFFFFFFFF, nothing)
    entry["dma"] = {"rx": {name: offset}}
    try:
        assert said(0xFFFFFFFF, nothing) == ""
        assert "a protected register of 'uart0'" in said(0xFFFFFFFF, nothing + 4)
        assert "a protected register of 'uart0'" in said(0xFF, 0)
    finally:
        del entry["dma"]


# -- Powers -----------------------------------------------------------------------------


def test_who_holds_which_power_is_shown_as_text_and_as_a_graph(checked: Checked) -> None:
    found = powers.edges(checked)
    lines = powers.listing(found).splitlines()
    assert any(re.match(r"interrupt uart0.rx\s+uart\s", line) for line in lines)
    assert any(re.match(r"flash 'storage'\s+flash\s+all", line) for line in lines)
    assert {edge.capsule for edge in found if edge.target == "processes"} == {
        "alarm", "app_loader", "apps", "deploy", "ipc", "process_info",
    }  # fmt: skip
    # Whoever has the alarms' time can read the counter, and write nothing. By its maker, what acknowledges interrupts
    # for the core is the mux's, whose handler it calls; the mux itself does not get at it.
    clients = {edge.how for edge in found if edge.target == "dualtimer" and edge.capsule not in ("timer", "alarms")}
    assert clients == {"+0x004 [23:0] read"}
    assert '"uart" -> "uart0"' in powers.graph(found)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("[only]\nuart0 = ['uart']\n", []),
        ("[only]\nprocesses = ['ipc', 'process_info']\n", ["capsule alarm holds a power over processes (all)"]),
        ("[only]\nseed = []\n", ["capsule rng holds a power over seed"]),
    ],
)
def test_a_boards_rules_can_forbid_a_power(checked: Checked, tmp_path: Path, rules: str, said: list[str]) -> None:
    (tmp_path / "powers.toml").write_text(rules)
    problems = powers.forbidden(powers.edges(checked), checked.manifest, tmp_path / "powers.toml")
    assert all(any(text in problem for problem in problems) for text in said)
    assert bool(problems) == bool(said)


def test_a_rule_about_what_the_board_does_not_have_is_named(checked: Checked, tmp_path: Path) -> None:
    (tmp_path / "powers.toml").write_text("[only]\nradio = ['uart']\n")
    with pytest.raises(AdderError, match="there is no 'radio'"):
        powers.forbidden(powers.edges(checked), checked.manifest, tmp_path / "powers.toml")


# -- What a capsule costs in RAM ---------------------------------------------------------


def ram_of(checked: Checked, capsule: str) -> dict[str, int]:
    """Bytes of RAM that what a capsule has made takes, by kind."""
    found: dict[str, int] = {}
    for thing in checked.things.values():
        if thing.address in checked.changing and checked.capsule(checked.owner(thing.address)) == capsule:
            found[thing.kind] = found.get(thing.kind, 0) + thing.size
    return found


def test_a_capsule_whose_attributes_never_change_costs_no_ram(checked: Checked) -> None:
    for capsule in ("led", "fpgaio", "low_level_debug"):
        assert ram_of(checked, capsule) == {}


def test_a_capsule_with_attributes_that_change_costs_their_table(checked: Checked) -> None:
    """capsules/sensors/temperature.py has one object: its table, 8 bytes an attribute."""
    assert set(ram_of(checked, "temperature")) == {"table"}
    assert 0 < ram_of(checked, "temperature")["table"] <= 64


def test_a_capsule_with_buffers_costs_these_and_what_refers_to_them(checked: Checked) -> None:
    costs = ram_of(checked, "console")
    assert set(costs) <= {"table", "items", "mp_type_list", "take_cell_type", "buffer_type", "storage", "deferred_type"}
    assert costs["storage"] == 2 * (20 + 64)  # board/components/console.py


# -- What cannot be wired ----------------------------------------------------------------

# The verifier does not see that this reads (CP027): what is in a list may be anything.
READER = """\
\"\"\"Reads a register when it is made, in a way that no rule finds.\"\"\"

from kernel import Registers

from capsules.hostile.deep1 import Deep1


class Reader:
    def __init__(self, registers: Registers) -> None:
        self._leds = 0
        self._deep = Deep1()
        for one in [registers]:
            self._leds = one.read(0)
"""

DEEP_CLASS = """class Deep{}:
    def deep(self) -> bool:
        return True
"""

DEEP = 20
"""Modules of which each imports the next one. The stack of the emulator is large enough, the board's need not be."""


def write_reader(folder: Path) -> None:
    """QEMU's board, and one capsule more, which is deep in the tree."""
    for number in range(1, DEEP):
        text = f"from capsules.hostile.deep{number + 1} import Deep{number + 1}\n\n\n" + DEEP_CLASS.format(number)
        write(folder / f"capsules/hostile/deep{number}.py", text)
    write(folder / f"capsules/hostile/deep{DEEP}.py", DEEP_CLASS.format(DEEP))
    board = (ROOT / "boards/qemu/board.py").read_text()
    board = board.replace("\n_CLOCK_HZ", "\nfrom capsules.hostile.reader import Reader\n\n_CLOCK_HZ", 1)
    write(folder / "board.py", board + "\nmint.build('reader', lambda: Reader(fpgaio))\n")
    write(folder / "capsules/hostile/reader.py", READER)
    write(folder / "memory.toml", (ROOT / "boards/qemu/memory.toml").read_text())
    write(folder / "defconfig", "")


def test_a_capsule_that_reads_hardware_while_it_is_wired_is_named_and_ends_the_build() -> None:
    with pytest.raises(AssertionError, match=r"capsule 'reader' reads 0x40028000 .*while the board is wired"):
        build_board("reader", write_reader)
