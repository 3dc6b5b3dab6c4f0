"""The harness itself: the real image boots and can be driven."""

import ast
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app_file


def test_the_kernel_boots_and_says_what_it_is(simulation) -> None:
    with simulation() as board:
        board.expect(r"^Adder \d+\.\d+\.\d+ on .+$")


def test_an_installed_app_runs(simulation) -> None:
    with simulation("hello") as board:
        board.expect(r"^app hello\b")
        assert [placed.app.name for placed in FlashImage(board.image).apps()] == ["hello"]


def test_the_board_boots_again_on_the_same_flash(simulation) -> None:
    board = simulation("hello")
    for _ in range(2):
        with board:
            board.expect(r"^app hello\b")


def test_reset_boots_again(simulation) -> None:
    with simulation() as board:
        board.expect(r"^Adder .+$")
        board.reset()
        board.expect(r"^Adder .+$")


def test_the_vectors_can_be_read_from_outside(simulation, kernel_symbols) -> None:
    with simulation() as board:
        board.expect(r"^Adder ")
        assert board.read_word(4) == kernel_symbols["Reset_Handler"].address | 1


def test_the_kernels_lines_are_whole_whoever_else_prints(simulation) -> None:
    with simulation("blink", "hello", "pong", "float", "spin", "faulty-read-kernel", "clock-py", "rot13-py") as board:
        board.run(2)
        places = [line for line in board.transcript.splitlines() if " RAM 0x" in line]
    assert len(places) == 8
    assert all(re.fullmatch(r"app \S+: slot \d, flash 0x\w{8}-0x\w{8}, RAM 0x\w{8}-0x\w{8}", line) for line in places)


def one_run(board, busy: bool) -> tuple[bytes, float]:
    """A run with input, by a host that takes its time or not."""
    with board:
        board.expect("echo: ready")
        for word in ("never", "the", "same", "again"):
            time.sleep(0.1 * busy)
            board.send(word)
            for letter in word:
                time.sleep(0.02 * busy)
                board.expect(f"read '{letter}'")
        board.run(1.5)
        return board.raw, board.time


def test_a_run_depends_on_its_input_and_not_on_how_quick_the_host_is(simulation) -> None:
    quick, slow = (one_run(simulation("echo", "hello", "spin", "blink"), busy) for busy in (False, True))
    assert quick == slow


def test_the_boards_time_stands_still_while_nobody_waits_for_it(simulation) -> None:
    with simulation("blink", "clock-py") as board:
        board.expect("clock 00:00:02")
        before, said = board.time, board.raw
        time.sleep(0.3)
        assert (board.time, board.raw) == (before, said)
        board.run(60)
        assert 60 <= board.time - before < 60.1
        assert "clock 00:01:01" in board.transcript


def test_no_time_is_lost_when_an_alarm_has_come_for_the_last_time(simulation) -> None:
    with simulation("counter-none") as board:
        board.expect("ended with code 0")  # the kernel's report of it has used the alarm
        began = board.time
        board.run(0.3)
        assert 0.3 <= board.time - began < 0.31


def test_what_is_typed_takes_its_time_on_the_line(simulation) -> None:
    with simulation("echo") as board:
        board.expect("echo: ready")
        began = board.time
        board.send("x" * 300)
        assert board.run_until(lambda: board.raw.count(b"read 'x'") == 300, 20)
        assert board.time - began >= 300 * 10 / 115_200


HOSTS_TIME = {"sleep", "monotonic", "perf_counter", "time"}


def test_no_test_of_the_board_measures_the_hosts_time() -> None:
    for folder in ("system", "adversarial"):
        for path in (ROOT / "tests" / folder).rglob("test_*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "time":
                    assert path == Path(__file__) or node.attr not in HOSTS_TIME, (
                        f"{path.name}:{node.lineno}: board.run"
                    )


def test_mpremote_reaches_the_prompt_at_the_consoles_own_port(tmp_path) -> None:
    """What docs/python-apps.md says to type."""
    image = tmp_path / "flash.img"
    FlashImage(image).install([read_app_file(ROOT / "build" / "apps" / "repl-py.tbf")])
    (tmp_path / "script.py").write_text("print('script', 6 * 7)\n")
    (tmp_path / "module.py").write_text("print('module', 6 * 7)\n")
    command = [sys.executable, "-m", "adder", "simulate", "--image", str(image), "--pty"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT) as board:
        try:
            assert board.stderr is not None
            port = re.match(r"The board's console is (\S+); Ctrl-C here ends the simulation.", board.stderr.readline())
            assert port is not None
            for told, arguments in (
                ("answer 42", ["resume", "exec", "print('answer', 6 * 7)"]),
                ("script 42", ["run", str(tmp_path / "script.py")]),
                ("module 42", ["mount", str(tmp_path), "exec", "import module"]),
            ):
                done = subprocess.run(
                    [sys.executable, "-m", "mpremote", "connect", port[1], *arguments],
                    capture_output=True, text=True, timeout=90, check=False,
                )  # fmt: skip
                assert told in done.stdout, (arguments, done.stdout, done.stderr)
            board.send_signal(signal.SIGINT)
            assert board.wait(20) == 0
        finally:
            board.kill()
