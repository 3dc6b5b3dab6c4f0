"""README.md's five commands: to an app of one's own that was changed and updated while three others ran."""

import os
import re
import subprocess
import sys
from pathlib import Path

from serial_port import Port

from adder.board import ROOT

BLOCK = re.compile(r"<!-- journey -->\n```\n(.*?)```\n", re.DOTALL)


def journey() -> list[tuple[str, str]]:
    """The commands, and what README.md says that each prints."""
    text = BLOCK.search((ROOT / "README.md").read_text())
    assert text is not None
    steps = re.split(r"^\$ ", text[1], flags=re.MULTILINE)[1:]
    return [(re.sub(r" +# .*", "", command), output) for command, _, output in (step.partition("\n") for step in steps)]


def told(output: str) -> list[str]:
    """What a person reads: spaces and the board's free flash, which depends on what else is there, do not matter."""
    return [" ".join(line.split()) for line in output.splitlines()]


def test_the_five_commands_do_and_print_what_the_readme_says(simulation, tmp_path: Path) -> None:
    steps = journey()
    assert len(steps) == 5
    first = re.fullmatch(r'make run APPS="(.*)"', steps[0][0])
    assert first is not None
    apps = first[1].split()
    assert len(apps) == 3
    with simulation(*apps, clock="wall") as board:
        board.expect("clock 00:00:01", timeout=120)
        for line in steps[0][1].splitlines():
            if line != "…":
                board.expect_all(re.escape(line), timeout=120)
        before = len(board.transcript)
        port = Port(board, tmp_path / "ttyBoard")
        # `adder` as it is, told which of the boards on this machine is meant.
        wrapper = tmp_path / "bin" / "adder"
        wrapper.parent.mkdir()
        wrapper.write_text(
            f'#!/bin/sh\nverb=$1; shift\ncase $verb in install|apps) set -- "$@" --port {port.link};; esac\n'
            f'exec {sys.executable} -m adder "$verb" "$@"\n'
        )
        wrapper.chmod(0o755)
        environment = {**os.environ, "PATH": f"{wrapper.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        for command, expected in steps[1:]:
            done = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
                timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            assert told(done.stdout + done.stderr) == told(expected), command
        port.close()
        board.expect("light: good morning", timeout=60)
        for _ in range(2):
            board.expect(r"clock \d\d:\d\d:\d\d", timeout=60)
        since = board.transcript[before:]
    assert "light: hello, 1" in since
    assert since.index("light: hello") < since.index("light: good morning")
    # Nobody else stopped: the clock shows each second, one after the other.
    seconds = [int(second) for second in re.findall(r"clock \d\d:\d\d:(\d\d)", since)]
    assert len(seconds) >= 2
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    assert "not started" not in since
    assert "restart" not in since
