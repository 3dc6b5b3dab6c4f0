"""The nRF52840's kernel, the image that is flashed, on the simulated chip (adder/chip): it runs wherever Python does.

Time here is the chip's own, and a run repeats exactly.
"""

import random
import re
import struct
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fuzzing import record
from kernels import build_variant
from unicorn import UC_HOOK_CODE
from unicorn import arm_const as arm

from adder.apps import python_app
from adder.board import ROOT, load_board
from adder.chip.cortex_m import CortexM
from adder.chip.left_behind import STATES, leave
from adder.chip.nrf52840 import RAM_START, SLEEP_CURRENT, Chip
from adder.chip.time import MILLISECOND, Time
from adder.run.renode import flash_contents

BOARD = load_board("nrf52840")
KERNEL = BOARD.build / "kernel.elf"
APPS = ROOT / "renode" / "tests" / "apps"
LEDS, BUTTON = (13, 14, 15, 16), 11  # of the nRF52840-DK
GPIO_0, GPIO_1 = 33, 34  # what apps know as pins 0 and 1
RUNS, LONG_RUNS = 2, 100

sys.path.insert(0, str(ROOT / "renode" / "tests"))
from traffic import check_traffic, make_blocks, make_chatter  # noqa: E402

Boot = Callable[..., Chip]


@pytest.fixture
def app(tmp_path: Path) -> Callable[[str], Path]:
    """The TBF file of an app: of build/apps, of renode/tests/apps, or of a source file."""

    def find(name: str) -> Path:
        source = Path(name) if name.endswith(".py") else APPS / f"{name}.py"
        if not source.is_file():
            return ROOT / "build" / "apps" / f"{name}.tbf"
        made = tmp_path / f"{source.stem}.tbf"
        made.write_bytes(python_app.build(source).tbf.encode())
        return made

    return find


@pytest.fixture
def boot(app: Callable[[str], Path], request: pytest.FixtureRequest) -> Iterator[Boot]:
    """Makes a chip with these apps in its flash; a test that leaves a complaint of the models behind fails."""
    made: list[Chip] = []

    def make(*apps: str, kernel: Path = KERNEL, storage: bytes = b"", **options: Any) -> Chip:
        contents = flash_contents([app(name) for name in apps], BOARD, storage)
        made.append(Chip(kernel, {BOARD.app_flash.start: contents}, **options))
        return made[-1]

    yield make
    for chip in made:
        assert not chip.complaints, "\n".join(chip.complaints)
        assert "failed in" not in chip.transcript, chip.transcript


def stored(chip: Chip) -> bytes:
    """What lies in the storage."""
    return chip.read_memory(BOARD.storage.start, BOARD.storage.size)


def test_each_peripheral_of_the_manifest_is_in_the_model_and_in_the_docs() -> None:
    """A driver whose hardware the model lacks would have been tried nowhere."""
    manifest = tomllib.loads((ROOT / "boards" / "nrf52840" / "memory.toml").read_text())["peripherals"]
    blocks = {
        name: it["base"] & ~0xFFF for name, it in manifest.items() if 0x40000000 <= it.get("base", 0) < 0x50000000
    }
    model = set(Chip(KERNEL)._at)
    assert len(blocks) > 14
    assert not {name for name, base in blocks.items() if base not in model}
    page = (ROOT / "docs" / "simulation.md").read_text()
    listed = re.search(r"The model has (.*?)\.", page, re.DOTALL)
    assert listed
    assert not {name for name in manifest if name not in ("rtt", "ficr") and name.upper() not in listed[1].split(", ")}


# -- What it does ----------------------------------------------------------------


def test_it_boots_to_the_console_and_sleeps_as_long_as_it_says(boot: Boot) -> None:
    chip = boot("hello")
    chip.expect("hello, 1 of 5")
    begun = chip.seconds
    chip.expect("hello, 5 of 5")
    assert re.search(r"^Adder \S+ on Nordic nRF52840-DK", chip.transcript, re.M)
    assert 3.97 < chip.seconds - begun < 4.03
    assert "app hello: slot 0" in chip.transcript


def test_a_run_repeats_exactly(boot: Boot) -> None:
    runs = [boot("hello", "clock-py", "spin") for _ in range(2)]
    for chip in runs:
        chip.run(1.5)
    assert runs[0].transcript == runs[1].transcript
    assert runs[0].cpu.instructions == runs[1].cpu.instructions


def test_blink_is_seen_on_the_pins(boot: Boot) -> None:
    chip = boot("blink")
    chip.expect("blink: 4 LEDs")
    changes: list[list[float]] = [[], []]

    def watch(pin: int, level: int) -> None:
        if pin in LEDS[:2]:
            changes[LEDS.index(pin)].append(chip.seconds)

    chip.ports[0].watchers.append(watch)
    chip.run(4)
    for seen, step in zip(changes, (0.25, 0.5), strict=True):
        assert len(seen) >= 6
        assert all(abs(b - a - step) < 0.005 for a, b in pairwise(seen)), seen


@pytest.mark.parametrize(("app_name", "rate"), [("blink", 4), ("blink-py", 2), (None, 0)])
def test_an_idle_board_is_asleep(boot: Boot, app_name: str | None, rate: int) -> None:
    chip = boot(*[app_name] if app_name else [])
    chip.run(12)  # the receiver has been switched off, for nobody reads
    awake, sleeps = chip.cpu.awake, chip.cpu.sleeps
    chip.run(60)
    asleep = 1 - (chip.cpu.awake - awake) / 60e12
    assert asleep >= 0.998 if app_name else asleep == 1
    assert abs((chip.cpu.sleeps - sleeps) / 60 - rate) <= 0.1


@pytest.mark.parametrize(("app_name", "most"), [("blink", 8), ("blink-py", 8), (None, 3.2)])
def test_a_board_at_which_nobody_reads_draws_microamperes(boot: Boot, app_name: str | None, most: float) -> None:
    """By the specification's figures (adder/chip/power.py). With the receiver and the crystal on it is 650."""
    chip = boot(*[app_name] if app_name else [])
    chip.run(12)
    assert chip.microamperes(30) <= most
    assert (chip.uart.listening, chip.clock.crystal, chip.uart.registers[0x500]) == (False, False, 0)


LATE = """
# /// script
# [tool.adder]
# name = "late"
# ram = "12K"
# ///
import sys, time

print("late: up")
time.sleep(15)
print("late: awake")
while True:
    print("late:", sys.stdin.readline().strip())
    time.sleep(7)
"""


def test_the_receiver_is_on_for_whoever_reads_and_lingers(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(LATE)
    chip = boot(str(tmp_path / "late.py"), "blink")
    chip.expect("late: up")
    chip.run(11)
    assert not chip.uart.listening
    chip.expect("late: awake", 5)
    chip.run(0.1)
    assert chip.uart.listening
    assert 640 < chip.microamperes(2) < 670
    for word in ("one", "two", "three"):
        chip.type(f"{word}\r\n" if word == "one" else f"{word}\n")
        chip.expect(f"late: {word}", 8)
        chip.run(1)  # it does something else, and the next line comes meanwhile
    assert chip.uart.lost == 0


PRINTS = """
# /// script
# [tool.adder]
# name = "prints"
# ram = "12K"
# ///
import time

while True:
    print("prints: a line of some forty characters")
    time.sleep(1)
"""


def test_printing_switches_the_crystal_on_for_as_long_as_it_takes(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "prints.py").write_text(PRINTS)
    chip = boot(str(tmp_path / "prints.py"))
    chip.run(12.5)
    shown = len(chip.uart.sent)
    assert chip.microamperes(10) < 20, "a line takes 3.5 ms"
    assert bytes(chip.uart.sent[shown:]).count(b"\n") >= 9
    assert not chip.clock.crystal


def test_alarms_come_after_the_counter_has_wrapped(boot: Boot) -> None:
    chip = boot("hello")
    chip.expect("hello, 1 of 5")
    chip.rtc1.set_counter(0xFF4000)
    chip.expect("hello, 3 of 5")
    begun = chip.seconds
    chip.expect("hello, 5 of 5")
    assert chip.rtc1.counter() < 0x80000
    assert 1.98 < chip.seconds - begun < 2.03


TURN = 512
"""Seconds until the RTC's 24 bits at 32,768 Hz start again."""

WAITS = {
    "sleeps": f"time.sleep({2 * TURN + 100})",
    "in-parts": f"for _ in range(13):\n    time.sleep_ms({(2 * TURN + 100) * 1000 // 13 + 1})",
    "task": f"import asyncio\nasyncio.run(asyncio.sleep({2 * TURN + 100}))",
    "ipc": "from adder import ipc\nipc.Service('ipc').wait()",
    "pressed": "from adder import button\nbutton.wait_pressed(0)",
    "typed": "input()",
}
"""Ways to wait for longer than two turns; the last three until something else happens."""


def test_time_is_right_across_two_turns_of_the_counter_whatever_an_app_waits_in(boot: Boot, tmp_path: Path) -> None:
    paths = []
    for name, wait in WAITS.items():
        path = tmp_path / f"{name}.py"
        path.write_text(
            f'''# /// script
# [tool.adder]
# name = "{name}"
# ram = "16K"
# ///
import time
began, ticks = time.time(), time.ticks_ms()
{wait}
print("{name}:", time.time() - began, time.ticks_diff(time.ticks_ms(), ticks))
'''
        )
        paths.append(str(path))
    waker = tmp_path / "waker.py"
    waker.write_text(f"import time\nfrom adder import ipc\ntime.sleep({2 * TURN + 100})\nipc.Client('ipc').notify()\n")
    chip = boot(*paths, str(waker))
    chip.run(2 * TURN + 100.5)
    chip.set_pin(BUTTON, 0)
    chip.type("x\r")
    chip.run(1)
    told = {name: (int(s), int(ms)) for name, s, ms in re.findall(r"^([\w-]+): (\d+) (\d+)\r", chip.transcript, re.M)}
    assert told.keys() == WAITS.keys(), chip.transcript
    for name, (seconds, milliseconds) in told.items():
        assert 2 * TURN + 99 <= seconds <= 2 * TURN + 102, name
        before = 20 if name == "ipc" else 1  # who wakes it has begun to sleep before it has begun to wait
        assert (2 * TURN + 100) * 1000 - before <= milliseconds <= (2 * TURN + 101) * 1000, name


def test_a_program_that_computes_across_the_turn_sees_time_go_on(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "computes.py"
    path.write_text(
        """# /// script
# [tool.adder]
# name = "computes"
# ///
import time
print("go?")
input()
began = before = time.ticks_ms()
late = back = 0
while time.ticks_diff(before, began) < 400:
    now = time.ticks_ms()
    step = time.ticks_diff(now, before)
    late += step > 100
    back += step < 0
    before = now
print("computed:", late, back)
"""
    )
    chip = boot(str(path))
    chip.expect("go")
    chip.rtc1.set_counter((1 << 24) - 32768 // 5)
    chip.type("\r")
    begun = chip.seconds
    chip.expect(r"computed: 0 0\r")
    assert 0.4 <= chip.seconds - begun <= 0.5
    assert chip.rtc1.counter() < 32768


def test_alarms_of_eight_apps_are_never_early_and_never_lost(boot: Boot) -> None:
    chip = boot(*[f"alarms-short-{seed}" for seed in range(1, 9)])
    came = 0
    for _ in range(8):
        said = chip.expect(
            r"alarms: (\d+) came, 0 early, 0 unasked, 0 lost, at most (\d+) us late, now never back", 900
        )
        came += int(said[1])
        assert int(said[2]) <= 7000
    assert came == 1000


def test_a_button_reaches_the_app(boot: Boot) -> None:
    chip = boot("button")
    chip.expect(r"button: \d buttons")
    for press in range(1, 4):
        chip.run(0.1)
        chip.set_pin(BUTTON, 0)
        chip.expect(f"button: pressed {press}")
        chip.run(0.1)
        chip.set_pin(BUTTON, None)  # pulled up
        chip.expect(f"button: released {press}")


def test_control_c_ends_what_sleeps_prints_or_computes_whatever_was_typed_before(boot: Boot) -> None:
    """By DMA, in blocks, and with a receiver that is switched off: the other board's line gives byte after byte."""
    chip = boot("repl-py")
    chip.expect(">>> ")
    chip.type("import asyncio, time\r")
    sleeping = ("time.sleep(1000)", "asyncio.run(asyncio.sleep(1000))", "while True: time.sleep_ms(10)", "input()")
    programs = (*sleeping, "while True: print('x')", "while True: pass")
    for program in programs:
        for typed in ("", "x", "\u20acy\x03", "\r"):
            if typed == "\r" and program == "input()":
                continue  # that ends it
            chip.expect(">>> ")
            chip.type(f"print('be' 'gun'); exec({program!r})\r")
            chip.expect("begun")
            chip.run(0.02)
            chip.type(typed + "\x03")
            chip.expect("KeyboardInterrupt")
            chip.expect(">>> ")
            chip.type("6*7\r")
            chip.expect(r"\n42\r")


def test_typing_reaches_the_app_and_a_burst_arrives_whole(boot: Boot) -> None:
    chip = boot("reader", "blink")
    chip.expect("reader: ready")
    text = "".join(f"{i:07}\n" for i in range(56)) + "end".ljust(64)
    chip.type(text)
    chip.expect(rf"reader: 512 bytes, sum {sum(text.encode())}\b")
    assert chip.uart.lost == 0


@pytest.mark.parametrize(("flow_control", "mips"), [(True, 64), (False, 64), (False, 36)])
def test_the_line_carries_what_it_can_both_ways(boot: Boot, tmp_path: Path, flow_control: bool, mips: int) -> None:
    size = 4096  # 32 MIPS: the cache is worth more than that; it was 25 before bytes came one by one
    blocks = make_blocks(str(tmp_path / "blocks"), str(size))
    chatters = [make_chatter(str(tmp_path), str(number)) + ".py" for number in range(8)]
    options = ("NRF52_UART_FLOW_CONTROL=y",) if flow_control else ()
    kernel = build_variant("nrf52840", *options, base="nrf52840") if options else KERNEL
    chip = boot("sink", *chatters, kernel=kernel, mips=mips)
    chip.run(1)
    chip.type((tmp_path / "blocks").read_bytes())
    chip.expect("sink: end", 60)
    chip.run(2)
    assert chip.uart.lost == 0
    (tmp_path / "output").write_bytes(chip.uart.sent)
    assert check_traffic(str(tmp_path / "output"), blocks, "8")


def test_the_thermometer_says_what_the_chip_has(boot: Boot) -> None:
    chip = boot("thermometer")
    for celsius in (31.5, -7.25):
        chip.temp.celsius = celsius
        chip.expect(rf"temperature: {celsius:.2f}")


def test_storage_outlives_a_reset_and_a_loss_of_power(boot: Boot) -> None:
    chip = boot("store")
    chip.expect("store: start 1")
    chip.run(0.2)
    chip.reset()
    chip.expect("store: start 2")
    chip.run(0.2)
    again = boot("store", storage=stored(chip))
    again.expect("store: start 3")


def test_a_reset_is_reported(boot: Boot) -> None:
    chip = boot("hello")
    chip.expect("hello, 1 of 5")
    before = chip.transcript
    chip.reset()
    chip.expect("hello, 1 of 5")
    chip.run(1)
    assert "reset by" not in before
    assert "reset by the reset pin" in chip.transcript


def test_a_hung_kernel_is_reset_by_the_watchdog(boot: Boot) -> None:
    chip = boot("spin")
    chip.expect("spin: spinning")
    watchdog = chip.watchdog
    chip.cpu.set_speed(4)  # the host has less to do
    chip.cpu.hang()
    while watchdog.running:
        chip.run(0.01)
    chip.cpu.set_speed(64)
    chip.expect("reset by the watchdog")
    chip.expect("app spin: slot 0")


def test_the_watchdog_leaves_a_busy_kernel_alone(boot: Boot) -> None:
    chip = boot("spin", "blink", mips=25)
    chip.run(10)  # longer than the watchdog's time
    assert "reset by" not in chip.transcript


def test_apps_share_memory_and_their_registers_survive(boot: Boot) -> None:
    chip = boot("ping", "pong", "float", "float2", "rot13-py", "rot13-client-py")
    for pattern in ("ping: 100 round trips", "Uryyb sebz Clguba", r"float: \d+ rounds, no register lost"):
        chip.expect(pattern)


# -- What a chip may be like ---------------------------------------------------------


def asleep(chip: Chip, seconds: float) -> float:
    """Which part of the time the processor sleeps."""
    awake, begun = chip.cpu.awake, chip.time.now
    chip.run(seconds)
    return 1 - (chip.cpu.awake - awake) / (chip.time.now - begun)


def test_a_dk_without_a_terminal_prints_all_the_same(boot: Boot) -> None:
    chip = boot("blink")
    chip.uart.set_clear_to_send(False)  # its debugger holds CTS high
    chip.expect("blink: 4 LEDs")


def test_a_receive_line_that_is_low_wakes_nobody_and_works_when_it_rises(boot: Boot) -> None:
    chip = boot("reader")
    chip.uart.line_low = True
    chip.set_pin(8, 0)
    chip.expect("reader: ready")
    assert asleep(chip, 5) > 0.999
    for _ in range(2):
        chip.hold_receive_line(low=False)
        chip.run(0.1)
        chip.type("end".ljust(64))
        chip.expect(f"reader: 64 bytes, sum {sum(b'end'.ljust(64))}")
        chip.hold_receive_line(low=True)
        chip.uart._break()
        assert asleep(chip, 5) > 0.999


def in_time(chip: Chip, seconds: float) -> float:
    """Let this time pass, in which `blink` runs; how far its first LED is from changing each quarter of a second."""
    changes: list[float] = []

    def watch(pin: int, level: int) -> None:
        if pin == LEDS[0]:
            changes.append(chip.seconds)

    chip.ports[0].watchers.append(watch)
    chip.run(seconds)
    chip.ports[0].watchers.remove(watch)
    assert len(changes) >= 4 * seconds - 1
    return max(abs(b - a - 0.25) for a, b in pairwise(changes))


@pytest.mark.parametrize("wrong_rate", [False, True])
def test_whoever_sends_what_nobody_reads_holds_nobody_up(boot: Boot, wrong_rate: bool) -> None:
    """The receiver is on, for ten seconds after the boot. Each byte may be an error."""
    chip = boot("blink", mips=25)
    chip.expect("blink: 4 LEDs")
    chip.uart.wrong_rate = wrong_rate
    chip.type(bytes(2 * 11520))
    assert in_time(chip, 1.75) < 0.005
    assert not chip.uart.quiet
    assert asleep(chip, 0.2) > 0.85


DOZE = """
# /// script
# [tool.adder]
# name = "doze"
# ram = "12K"
# ///
import micropython

@micropython.asm_thumb
def doze():
    label(again)
    wfi()
    b(again)

print("doze: dozing")
doze()
"""


def test_an_app_that_sleeps_by_itself_keeps_nobody_from_running(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "doze.py").write_text(DOZE)
    chip = boot(str(tmp_path / "doze.py"), "float", "hello")
    chip.expect("doze: dozing")
    chip.expect("hello, 2 of 5", 3)
    chip.expect(r"float: \d{3,} rounds, no register lost", 5)


@pytest.mark.parametrize("state", STATES)
def test_it_starts_from_whatever_was_left_behind(boot: Boot, state: str) -> None:
    """Its time is right, nothing keeps it awake, and it talks with whoever types and presses."""
    chip = boot("hello", "button", "reader", uncached=25)
    leave(chip, state)
    chip.expect("hello, 1 of 5")
    begun = chip.seconds
    chip.expect("reader: ready")
    chip.set_pin(BUTTON, 0)
    chip.expect("button: pressed 1")
    chip.type("end".ljust(64))
    chip.expect(f"reader: 64 bytes, sum {sum(b'end'.ljust(64))}")
    chip.expect("hello, 2 of 5")
    assert 0.99 < chip.seconds - begun < 1.02
    assert asleep(chip, 0.5) > 0.99
    assert chip.clock.read(0x418) == 1 << 16 | 1, "the low-frequency clock is the crystal's"
    assert chip.transcript.count("Adder") == 1
    assert chip.nvmc.cached
    if state == "uart":
        chip.complaints.clear()  # its receiver is switched off without being stopped first
    if state == "reset-reasons":
        assert "reset by the reset pin" in chip.transcript
        assert "watchdog" not in chip.transcript


def test_the_dcdc_converter_and_the_sleep_current_are_as_the_board_wants(boot: Boot) -> None:
    chip = boot("hello")
    chip.expect("hello, 1 of 5")
    assert chip.clock.registers[0x578] == 1, "the DK has the inductor"
    assert chip.read_memory(SLEEP_CURRENT, 4) == b"\2\0\0\0", "anomaly 246"


def test_a_watchdog_that_wants_to_be_fed_twice_is(boot: Boot) -> None:
    chip = boot("hello")
    for offset, value in ((0x504, 2 * 32768), (0x508, 0b101), (0x50C, 1), (0x00, 1)):
        chip.watchdog.write(offset, value)
    chip.run(10)
    assert chip.transcript.count("Adder") == 1
    assert "reset by" not in chip.transcript


def test_a_button_that_bounces_is_pressed_and_released_in_turn(boot: Boot) -> None:
    chip = boot("button")
    chip.expect(r"button: \d buttons")
    for _ in range(25):
        for moment in (0.00002, 0.0003, 0.0011, 0.002):
            chip.set_pin(BUTTON, 0)
            chip.run(moment)
            chip.set_pin(BUTTON, None)
            chip.run(moment / 2)
        chip.run(0.05)
    said = [line.split()[1] for line in chip.transcript.splitlines() if line.startswith(("button: p", "button: r"))]
    assert said[0] == "pressed"
    assert said[-1] == "released"
    assert all(a != b for a, b in pairwise(said)), said


# -- Interleavings ---------------------------------------------------------------


def test_a_handler_masks_interrupts_whatever_mode_it_has_interrupted() -> None:
    """A process asks by SVC, again and again; the handler's CPSID is looked at."""
    cpu = CortexM(Time(), 4, 64)
    cpu.uc.mem_map(0, 0x1000)
    cpu.uc.mem_map(RAM_START, 0x1000)
    cpu.uc.mem_write(0, struct.pack("<22I", 0x20000800, 0x101, *[0x201] * 20))
    boot = struct.pack(
        "<HHIHHHHHHH", 0x4800, 0xE001, 0x20001000, 0xF380, 0x8809, 0x2103, 0xF381, 0x8814, 0xF3BF, 0x8F6F
    )
    cpu.uc.mem_write(
        0x100, boot + struct.pack("<HHH", 0xDF00, 0xBF00, 0xE7FC)
    )  # on the PSP, unprivileged: SVC for ever
    cpu.uc.mem_write(0x200, struct.pack("<HHHH", 0xB672, 0xBF00, 0xB662, 0x4770))  # CPSID I; NOP; CPSIE I; BX LR
    masked = []
    cpu.uc.hook_add(UC_HOOK_CODE, lambda uc, *_: masked.append(uc.reg_read(arm.UC_ARM_REG_PRIMASK)), None, 0x202, 0x202)
    cpu.start(0)
    for _ in range(30):
        cpu.step(cpu.time.now + MILLISECOND)
    assert len(masked) > 10
    assert all(masked)


def wire(chip: Chip, out: int, to: int) -> None:
    """Connect two pins of one port: what the first one drives, the second one sees."""
    port = chip.ports[out // 32]

    def through(write: Callable[[int], None], value: int) -> None:
        write(value)
        port.set_level(to % 32, port.driven(out % 32))

    for offset in (0x504, 0x508, 0x50C):  # OUT, OUTSET, OUTCLR
        port.writable[offset] = partial(through, port.writable[offset])


def test_whatever_apps_ask_the_drivers_and_when_each_question_has_its_answer(
    boot: Boot, tmp_path: Path, long: bool
) -> None:
    """Three apps of five tasks each, at a speed of their own in each run, so that interrupts come at other moments."""
    names = []
    for number in range(3):
        source = tmp_path / f"asker{number}.py"
        source.write_text(
            (APPS / "asker.py").read_text().replace("asker", f"asker{number}").replace("70", f"7{number}")
        )
        names.append(str(source))
    for run in range(LONG_RUNS if long else RUNS):
        chip = boot("rot13-py", *names, seed=run, mips=(64, 40, 25)[run % 3])
        wire(chip, GPIO_0, GPIO_1)
        moves = random.Random(run)
        while chip.transcript.count("done") < len(names) and chip.seconds < 60:
            chip.run(moves.uniform(0.001, 0.02))
            chip.set_pin(BUTTON, moves.randrange(2))
        assert chip.transcript.count("done") == len(names), f"run {run}: {chip.transcript[-2000:]}"
        assert "Traceback" not in chip.transcript, f"run {run}: {chip.transcript}"
    if long:
        record("chip", chip_interleavings=LONG_RUNS)
