"""Driving QEMU: console, monitor, power cuts, and nothing left behind."""

import dataclasses
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pexpect
import pytest
from click.testing import CliRunner

from adder.board import ROOT, load_board
from adder.cli import cli
from adder.errors import AdderError
from adder.image.flash_image import FlashImage, read_app_file
from adder.run import simulate
from adder.run.lockstep import loads_of
from adder.run.simulate import MACHINE, ExpectTimeout, Simulation, SimulationError
from adder.run.terminal import Watch
from adder.symbols import Symbols


@pytest.fixture
def board(tiny: Path, tmp_path: Path) -> Simulation:
    return Simulation(tiny / "kernel.elf", tmp_path / "flash.img")


@pytest.mark.parametrize("clock", ["wall", "counted", "fast"])
def test_the_console_goes_both_ways_under_every_clock(board: Simulation, clock: str) -> None:
    board.clock = clock
    with board:
        assert board.expect(r"^tiny: (\w+)$")[1] == b"up"
        for letter in "abc":
            board.send(letter)
            board.expect(f"<{letter}>")
        assert board.transcript == "tiny: up\nstorage erased\n<a>\n<b>\n<c>\n"


def test_a_match_waits_for_the_end_of_its_line(board: Simulation) -> None:
    with board:
        assert board.expect(r"storage (.*)$")[1] == b"erased"


def test_what_does_not_come_is_reported_with_what_came(board: Simulation) -> None:
    with board:
        board.expect("erased")
        with pytest.raises(ExpectTimeout, match=r"(?s)Within 0\.2 s .*pigs.*tiny: up"):
            board.expect("pigs", timeout=0.2)


def test_expect_ends_when_qemu_does(board: Simulation) -> None:
    with board:
        board.expect("erased")
        board.qmp("quit")
        began = time.monotonic()
        with pytest.raises(SimulationError, match="QEMU ended before"):
            board.expect("never", timeout=60)
        assert time.monotonic() - began < 10


def test_what_is_typed_before_the_receiver_is_on_arrives_later(board: Simulation) -> None:
    board.paused = True
    with board:
        board.send("early")
        board.cont()
        for letter in "early":
            board.expect(f"<{letter}>")


def test_memory_can_be_read(board: Simulation, tiny: Path) -> None:
    with board:
        board.expect("tiny")
        assert board.read_word(Symbols.read(tiny / "kernel.elf")["magic"].address) == 0x12345678
        assert board.read_memory(0x21000000, 3) == b"\xff\xff\xff"


def test_a_paused_board_waits_for_cont(board: Simulation) -> None:
    board.paused = True
    with board:
        with pytest.raises(ExpectTimeout):
            board.expect("tiny", timeout=0.2)
        board.cont()
        board.expect("tiny")


def test_a_stopped_board_says_nothing_until_it_goes_on(board: Simulation) -> None:
    with board:
        board.expect("erased")
        board.stop()
        board.send("a")
        with pytest.raises(ExpectTimeout):
            board.expect("<a>", timeout=0.2)
        board.cont()
        board.expect("<a>")


def test_reset_starts_the_program_again(board: Simulation) -> None:
    with board:
        board.expect("erased")
        board.reset()
        board.expect("tiny: up")


def test_flash_survives_a_power_cut(board: Simulation) -> None:
    with board:
        board.expect("erased")
        board.send("w")
        board.expect("<w>")
        board.kill()
        assert not board.running
        board.start()
        board.expect("storage written")
    assert FlashImage(board.image).storage_contents()[:4] == b"\xfe\xca\0\0"


def test_quit_ends_qemu_in_order(board: Simulation) -> None:
    board.start()
    board.expect("erased")
    board.quit()
    assert not board.running
    assert "tiny: up" in board.transcript


def test_monitor_commands_work(board: Simulation) -> None:
    with board:
        assert "R15" in board.monitor("info registers")


def test_a_refused_command_is_one_sentence(board: Simulation) -> None:
    with board, pytest.raises(SimulationError, match="QEMU refuses pmemsave"):
        board.qmp("pmemsave", val=0, size=4, filename="/nonexistent/file")


def test_several_simulations_run_side_by_side(tiny: Path, tmp_path: Path) -> None:
    def run(number: int) -> str:
        with Simulation(tiny / "kernel.elf", tmp_path / f"{number}.img") as board:
            board.expect("erased", timeout=60)
            board.send(str(number))
            board.expect(f"<{number}>", timeout=60)
            return board.transcript

    with ThreadPoolExecutor(4) as pool:
        transcripts = list(pool.map(run, range(8)))
    assert transcripts == [f"tiny: up\nstorage erased\n<{n}>\n" for n in range(8)]


def test_one_image_cannot_serve_two_simulations(board: Simulation) -> None:
    with board, pytest.raises(AdderError, match="in use by a running simulation"):
        Simulation(board.kernel, board.image).start()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while _alive(pid):
        assert time.monotonic() < deadline, "QEMU is still there"
        time.sleep(0.02)


def test_qemu_dies_with_a_killed_tool(tiny: Path, tmp_path: Path) -> None:
    script = (
        "import sys, os, signal; from pathlib import Path; from adder.run.simulate import Simulation\n"
        "s = Simulation(Path(sys.argv[1]), Path(sys.argv[2])); s.start(); s.expect('erased')\n"
        "print(s._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, tiny / "kernel.elf", tmp_path / "flash.img"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    _wait_until_gone(int(result.stdout))


def test_a_missing_qemu_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMU", "qemu-system-nonexistent")
    with pytest.raises(AdderError, match="not installed; install the package qemu-system-arm"):
        simulate.find_qemu()


@pytest.mark.parametrize(
    ("answer", "message"),
    [("QEMU emulator version 4.2.1", "QEMU 4.2; Adder needs 7.0"), ("hello", "is it QEMU")],
)
def test_an_unfit_qemu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, message: str) -> None:
    fake = tmp_path / "qemu"
    fake.write_text(f"#!/bin/sh\necho {answer}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("QEMU", str(fake))
    with pytest.raises(AdderError, match=message):
        simulate.find_qemu()


def test_the_option_for_single_instructions_follows_the_version() -> None:
    assert simulate.one_instruction_per_block((7, 2)) == ["-singlestep"]
    assert simulate.one_instruction_per_block((10, 0)) == ["-accel", "tcg,one-insn-per-tb=on"]


def test_what_qemu_complains_about_is_passed_on(board: Simulation) -> None:
    board.options = ["-nonsense"]
    with pytest.raises(SimulationError, match=r"QEMU has ended.*nonsense"):
        board.start()
    assert not board.running


# The verb


@pytest.mark.parametrize("simulator", ["", "lm3s6965evb"])
def test_a_board_without_a_simulator_is_refused_and_one_with_it_is_not(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulator: str
) -> None:
    mine = dataclasses.replace(load_board(), name="mychip", title="My chip", simulator=simulator)
    monkeypatch.setattr(simulate, "load_board", lambda name: mine)
    options = ["simulate", "--board", "mychip", "--kernel", str(tiny / "kernel.elf"), "--image", str(tmp_path / "f")]
    FlashImage(tmp_path / "f").create()
    with pytest.raises(
        AdderError, match=r"^My chip has no simulator here: `simulator` in its memory\.toml does not say"
    ):
        CliRunner().invoke(cli, options, catch_exceptions=False)

    def looked_at(*_: object) -> None:
        raise AdderError("its kernel is looked at")

    monkeypatch.setattr(simulate, "check_kernel", looked_at)
    monkeypatch.setattr(simulate, "load_board", lambda name: dataclasses.replace(mine, simulator=MACHINE))
    with pytest.raises(AdderError, match="its kernel is looked at"):
        CliRunner().invoke(cli, options, catch_exceptions=False)


def run_verb(tiny: Path, image: Path, *options: str, **more: object):
    FlashImage(image).create()
    command = [
        sys.executable, "-m", "adder", "simulate",
        "--kernel", str(tiny / "kernel.elf"), "--image", str(image), *options,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60, **more)


def test_the_verb_stops_after_the_given_time(tiny: Path, tmp_path: Path) -> None:
    result = run_verb(tiny, tmp_path / "f.img", "--seconds", "1", stdin=subprocess.DEVNULL)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "tiny: up\nstorage erased\n"


def test_the_verb_stops_at_the_given_text(tiny: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    result = run_verb(tiny, tmp_path / "f.img", "--seconds", "50", "--until", "<z>", input="z")
    assert result.returncode == 0, result.stderr
    assert time.monotonic() - began < 40


def test_the_verb_fails_if_the_text_does_not_come(tiny: Path, tmp_path: Path) -> None:
    result = run_verb(tiny, tmp_path / "f.img", "--seconds", "1", "--until", "pigs", input="")
    assert result.returncode == 1
    assert result.stderr == "adder: The console did not show 'pigs' within 1 second.\n"


@pytest.mark.parametrize("options", [("--until", ""), ("--seconds", "-1"), ("--seconds", "soon")])
def test_what_cannot_be_waited_for_is_refused(tiny: Path, tmp_path: Path, options: tuple[str, str]) -> None:
    result = run_verb(tiny, tmp_path / "f.img", *options)
    assert result.returncode == 2
    assert f"Invalid value for '{options[0]}'" in result.stderr


BOOT = (
    b"Adder 0.1.0 on QEMU mps2-an386\r\n"
    b"app thermo: slot 0, flash 0x21000000-0x21000200, RAM 0x20010000-0x20013400\r\n"
    b"app a: b: slot 11, flash 0x21000200-0x21000400, RAM 0x20013800-up\r\n0x20016c00\r\n"
)


@pytest.mark.parametrize("text", ["thermo", "thermo: ", "app thermo", "a: b", "slot", "app a: b: s"])
def test_the_list_of_apps_at_boot_is_not_what_was_waited_for_at_any_moment(text: str) -> None:
    watch = Watch(text)
    assert not any(watch.sees(BOOT[:length]) for length in range(len(BOOT) + 1))
    said = b"app thermo: " if "app" in text else b"thermo: a: b slot"
    if text.encode() in said:
        assert watch.sees(BOOT + said + b"21 C\r\n")


@pytest.mark.parametrize("text", ["Adder 0.1.0", "up", "thermo: 21", "> ", "app thermo: ended", "[Faulted]", "ready"])
def test_everything_else_on_the_console_can_be_waited_for(text: str) -> None:
    shown = BOOT + b"thermo: 21 C\r\napp thermo: ended with code 0\r\nApp: thermo   -   [Faulted]\r\nready> "
    assert Watch(text).sees(shown)
    assert not Watch(None).sees(shown)
    assert not Watch("absent").sees(shown)


@pytest.fixture
def terminal(tiny: Path, tmp_path: Path) -> pexpect.spawn:
    arguments = ["-m", "adder", "simulate", "--kernel", str(tiny / "kernel.elf")]
    FlashImage(tmp_path / "f.img").create()
    arguments += ["--image", str(tmp_path / "f.img")]
    child = pexpect.spawn(sys.executable, arguments, cwd=str(ROOT), timeout=20)
    child.expect("storage erased")
    yield child
    child.close(force=True)


def test_a_terminal_shows_leds_and_pins_in_a_line_of_its_own(terminal: pexpect.spawn) -> None:
    terminal.expect("LEDs (○ ○|- -)".encode())
    terminal.send("q")
    terminal.expect(b"\r\x1b\\[K<q>")  # which makes room for the console


@pytest.mark.parametrize("keys", ["\x01x", "\x01X", "\x03"])
def test_a_person_can_type_and_leave(terminal: pexpect.spawn, keys: str) -> None:
    terminal.send("q")
    terminal.expect("<q>")
    terminal.send(keys)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_control_keys_reach_the_board_after_ctrl_a(terminal: pexpect.spawn) -> None:
    terminal.send("\x01\x03")
    terminal.expect("<\x03>")
    terminal.send("\x01\x01")
    terminal.expect("<\x01>")


def test_a_terminated_tool_takes_qemu_with_it(terminal: pexpect.spawn) -> None:
    children = Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split()
    qemus = [int(pid) for pid in children if b"qemu" in Path(f"/proc/{pid}/cmdline").read_bytes()[:80]]
    assert len(qemus) == 1
    os.kill(terminal.pid, 15)
    terminal.expect(pexpect.EOF)
    _wait_until_gone(qemus[0])


def test_two_apps_take_turns_on_the_tiny_kernel(tiny: Path, tmp_path: Path) -> None:
    """The program that the other tests rely on does what it says."""
    image = FlashImage(tmp_path / "flash.img")
    image.install([read_app_file(tiny / name) for name in ("tiny.tbf", "tiny_b.tbf")])
    with Simulation(tiny / "kernel.elf", image.path) as board:
        board.expect("erased")
        board.send("a")
        board.expect("<a>")
        ticks = Symbols.read(tiny / "kernel.elf")["ticks"].address
        before = board.read_word(ticks)
        board.run(0.2)
        assert board.read_word(ticks) > before


def test_a_word_at_which_the_board_stops_may_be_read_by_others_too(tiny: Path, tmp_path: Path) -> None:
    kernel = tiny / "kernel.elf"
    assert [load.value for load in loads_of(kernel).values()] == [0x5EED]
    image = FlashImage(tmp_path / "flash.img")
    image.install([read_app_file(tiny / name) for name in ("tiny.tbf", "tiny_b.tbf")])
    with Simulation(kernel, image.path) as board:
        board.expect("erased")
        board.send("rr")
        board.expect("<r>\n<r>")
        assert board.read_word(Symbols.read(kernel)["watched"].address) == 0x5EED


@pytest.mark.parametrize("board", ["qemu", "nrf52840"])
def test_an_image_that_is_not_there_is_not_made(tmp_path: Path, board: str) -> None:
    image = tmp_path / "folder" / "typo.img"
    result = CliRunner().invoke(cli, ["simulate", "--board", board, "--image", str(image), "--seconds", "1"])
    assert "does not exist; `adder image install" in str(result.exception)
    assert not image.parent.exists()
