"""`adder renode test`: two runs at once do not disturb each other. Renode itself is a script here."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adder.board import ROOT

TESTS = ROOT / "renode" / "tests"

# It says that it has begun, and ends when it may.
WAITS = """#!/bin/sh
while [ $# -gt 0 ]; do case "$1" in -r) results=$2;; esac; echo "$1" >> "$results/arguments"; shift; done
while [ ! -e "$results/may-end" ]; do sleep 0.05; done
"""


@pytest.fixture
def renode(tmp_path: Path) -> Path:
    program = tmp_path / "renode" / "renode-test"
    program.parent.mkdir()
    program.write_text(WAITS)
    program.chmod(0o755)
    return program.parent


def start(renode: Path, results: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "adder", "renode", "test", "--results", str(results)]
    environment = os.environ | {"RENODE_DIR": str(renode)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_second_run_that_would_write_to_the_same_files_is_refused(renode: Path, tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "other"
    runs = [start(renode, folder) for folder in folders]
    try:
        for folder in folders:  # both go on, side by side
            while not (folder / "arguments").is_file():
                assert all(run.poll() is None for run in runs)
                time.sleep(0.05)
        third = start(renode, folders[0])
        said = third.communicate(timeout=60)[0]
        assert third.returncode == 1
        assert "Renode's tests run already" in said
        assert "--results names another folder" in said
    finally:
        for folder in folders:
            (folder / "may-end").touch()
    assert [run.wait(60) for run in runs] == [0, 0]
    for folder in folders:
        assert f"FOLDER:{folder}" in (folder / "arguments").read_text().splitlines()


READ_ONLY = ("apps/", "nrf52840/kernel.elf", "drivers/build/kernel.elf")


def test_whatever_the_suites_write_lies_in_the_folder_of_their_run() -> None:
    """Flash images under one name once had two suites boot each other's apps."""
    paths = [*TESTS.glob("*.robot"), *TESTS.glob("*.resource"), *(TESTS.parent / "long").glob("*.robot")]
    used = [
        (path.name, line, one)
        for path in paths
        for line in path.read_text().splitlines()
        for one in re.findall(r"\$\{BUILD\}/(\S*)", line)
    ]
    assert used
    assert not [
        (name, line)
        for name, line, one in used
        if not one.startswith(READ_ONLY) and not re.match(r"\$\{FOLDER\} ", line)
    ]
