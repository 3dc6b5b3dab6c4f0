"""`adder bringup`, on the model of the chip and in QEMU: how a board tests itself, and what it says."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from faults import FAULTS, edges_unseen, jumper
from kernels import build_board

from adder.board import ROOT, load_board
from adder.bringup import command as verb
from adder.bringup.command import bringup
from adder.bringup.folder import APPS, chip_of, write_folder
from adder.bringup.in_qemu import SimulatedBoard
from adder.bringup.lines import Silent, SimulatedChip, converse, in_ram
from adder.bringup.report import ANSWERED, FAIL, SKIPPED, explain, is_whole, read
from adder.chip.cortex_m import LockUp
from adder.chip.nrf52840 import Chip
from adder.errors import AdderError
from adder.run.renode import flash_contents

BOARD = load_board("nrf52840")
BUTTONS = (11, 12, 24, 25)
LED = 13
SPARE_PAGE = 0xFF000
AFTER_THE_RESET = bytes((0xB7 + 5 * i) & 0xFF for i in range(64))
RESETS = ("watchdog_toothless", "reset_forgets_why", "reset_loses_flash")


@pytest.fixture(scope="module")
def kernel() -> Path:
    """The kernel of the nRF52840-DK's bring-up."""
    return build_board(
        "bringup-nrf52840", lambda folder: write_folder("nrf52840", folder), chip=chip_of("nrf52840"), base="nrf52840"
    )


@pytest.fixture(scope="module")
def flash() -> bytes:
    """What lies in flash behind the kernel."""
    return flash_contents([ROOT / "build" / "apps" / f"{name}.tbf" for name in APPS], BOARD)


def switch_on(kernel: Path, flash: bytes, *, reset: bool = False) -> Chip:
    """The chip; it has been reset by the watchdog already, unless `reset`."""
    contents = {BOARD.app_flash.start: flash}
    if not reset:
        contents[SPARE_PAGE] = AFTER_THE_RESET
    chip = Chip(kernel, contents, mpu=True, uncached=25)
    chip.clock.reasons = 0 if reset else 2
    return chip


class Bench(SimulatedChip):
    """What a person and `adder bringup` do with a chip, until its console shows something."""

    def __init__(self, chip: Chip, until: str = "= end:") -> None:
        self.chip, self._until = chip, re.compile(until)
        self._buttons, self._shown = list(BUTTONS), 0

    def more(self) -> str:
        if self.chip.seconds > (20 if self.chip.uart.sent else 5) or self._until.search(self.chip.transcript):
            raise Silent("")
        return super().more()


def run(chip: Chip, until: str = "= end:") -> str:
    """Until this is shown; all that is shown."""
    converse(Bench(chip, until), lambda question: "y", lambda line: None)
    return chip.transcript


def lines(shown: str) -> list[str]:
    return re.findall(r"^(?:[\w ]+: )?= (.*)\r", shown, re.M)


def command(*arguments: str) -> Result:
    return CliRunner().invoke(bringup, arguments, standalone_mode=False)


def test_a_board_without_a_fault_has_no_red_line_and_each_line_is_explained(
    kernel: Path, flash: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chips = []

    def plug_in(board: object, kernel: Path) -> SimulatedChip:
        chip = switch_on(kernel, flash, reset=True)
        make = chip._make_peripherals

        def make_with_jumper(seed: int) -> None:  # at each reset
            make(seed)
            jumper(chip)

        monkeypatch.setattr(chip, "_make_peripherals", make_with_jumper)
        chips.append(chip)
        return Bench(chip)

    monkeypatch.setattr(verb, "build", lambda board: kernel)
    monkeypatch.setattr(verb, "simulate", plug_in)
    file = tmp_path / "report.txt"
    done = command("--simulate", "-o", str(file))
    assert done.return_value == 0, done.output
    assert re.search(r"\d\d ok, 0 failed, 0 skipped\.", done.output)
    [chip] = chips
    assert chip.transcript.count("= bring-up of Nordic nRF52840-DK (PCA10056)") == 2, "the watchdog has reset it once"
    assert not chip.complaints
    # The probe finds the whole of it, from the last reset on.
    shown = chip.transcript[chip.transcript.rindex("= bring-up of") :]
    assert lines(in_ram(chip.read_memory(0x20000000, 0x40000))) == lines(shown)
    # The file says what it is about, and explains itself.
    text = file.read_text()
    assert re.search(r"^# board: nrf52840, Nordic nRF52840-DK", text, re.M)
    assert re.search(r"^# kernel: adder \S+, commit [0-9a-f]{7,}", text, re.M)
    assert len(read(text)) > 60
    explained = command("report", "--all", str(file))
    assert explained.return_value == 0
    for line in read(text):
        assert explain(line.name).look
        assert line.name in explained.output
    assert re.fullmatch("e{6,}", blinks(chip, 8))


def test_a_report_with_a_red_line_or_without_an_end_says_what_to_look_at(tmp_path: Path) -> None:
    whole = "= bring-up of it\n= supply 0 mV [1700 to 3600] FAIL\n= rtc0 counts ok\n= end: 1 ok, 1 failed, 0 skipped\n"
    file = tmp_path / "report.txt"
    for text, code, said in (
        (whole, 1, "converter"),
        (whole.replace("FAIL", "ok"), 0, "2 ok, 0 failed"),
        (whole.replace("FAIL", "ok").rpartition("= end")[0], 1, "breaks off"),
        (whole.replace("FAIL", "ok") + "= bring-up of a board\n= rtc0 counts ok\n", 1, "breaks off"),
        (whole.replace("supply 0 mV [1700 to 3600] FAIL", "receive skipped: nobody") + f"{ANSWERED}\n", 1, "RXD"),
    ):
        file.write_text(text)
        done = command("report", str(file))
        assert (done.return_value, said in done.output) == (code, True), done.output
    file.write_text("Adder 0.1.0\n")
    assert isinstance(command("report", str(file)).exception, AdderError)


def blinks(chip: Chip, seconds: float) -> str:
    """What the first LED, lit when its pin is low, shows in this time: a letter for each flash, a space for a pause."""
    changes: list[tuple[float, int]] = []
    chip.ports[0].watchers.append(lambda pin, level: changes.append((chip.seconds, level)) if pin == LED else None)
    chip.run(seconds)
    shown = ""
    for (begin, level), (end, _) in pairwise(changes):
        sixteenths = round(16 * (end - begin))
        shown += {3: "s", 12: "L", 8: "e"}[sixteenths] if level == 0 else " " if sixteenths > 12 else ""
    return shown


def test_the_led_shows_the_number_of_the_first_test_that_has_failed(kernel: Path, flash: bytes) -> None:
    chip = switch_on(kernel, flash)
    edges_unseen(chip)
    run(chip)
    rows = re.findall(r"^\| (\d+) \| `([\w-]+)` \|", (ROOT / "docs" / "bring-up.md").read_text(), re.M)
    number = next(int(row[0]) for row in rows if row[1] == "edges")
    assert f" {number // 10 * 'L'}{number % 10 * 's'} " in blinks(chip, 20)


def test_in_qemu_no_line_is_red_and_the_flash_outlives_a_restart() -> None:
    kernel = build_board("bringup-qemu", lambda folder: write_folder("qemu", folder), chip="qemu")
    board = SimulatedBoard(kernel, [ROOT / "build" / "apps" / f"{name}.tbf" for name in APPS])
    try:
        heard = converse(board, lambda question: "y", lambda line: None)
        board.restart()
        again = converse(board, lambda question: "y", lambda line: None)
    finally:
        board.end()
    for each, skipped in ((heard, ["storage"]), (again, [])):
        assert is_whole(each.said), each.said
        found = read(each.said)
        assert len(found) > 45
        assert not [line for line in found if line.verdict == FAIL], each.said
        assert [line.name for line in found if line.verdict == SKIPPED] == skipped
        assert all(explain(line.name).look for line in found)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found_and_the_right_line_says_so(fault: Callable[[Chip], None], kernel: Path, flash: bytes) -> None:
    chip = switch_on(kernel, flash, reset=fault.__name__ in RESETS)
    fault(chip)
    line = re.compile(f"= {FAULTS[fault]}")
    try:
        shown = run(chip, line.pattern + "|= end:") or in_ram(chip.read_memory(0x20000000, 0x40000))  # a mute UART
    except LockUp:  # without its MPU, what a trap does may be the kernel's end; the report counts up to there
        assert fault.__name__ == "mpu_off"
        shown = chip.transcript + (in_ram(chip.read_memory(0x20000000, 0x40000)) or "")
    assert line.search(shown), shown
    others = [each for each in lines(shown) if "FAIL" in each and not line.match(f"= {each}")]
    assert len([each for each in others if not (fault.__name__ == "mpu_off" and each.startswith("mpu-"))]) <= 6, others
