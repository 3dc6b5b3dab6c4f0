"""The nRF52840's kernel in Renode: runs renode/tests, one test here for each robot file. Skipped without Renode."""

import subprocess
import sys
from pathlib import Path

import pytest

from adder.board import ROOT
from adder.chip.nrf52840 import Chip
from adder.errors import AdderError
from adder.run.renode import find_renode

TESTS = ROOT / "renode" / "tests"
SUITES = sorted(TESTS.glob("*.robot"))


def test_the_kernel_that_tries_the_drivers_is_built_and_wired_without_renode() -> None:
    """Nobody may notice otherwise until somebody has Renode. The simulated chip lacks most of what it drives."""
    built = subprocess.run(
        [sys.executable, str(TESTS / "drivers_kernel.py")], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-5000:]
    chip = Chip(Path(built.stdout.splitlines()[-1]))
    chip.run(0.3)
    assert chip.transcript.startswith("Adder "), chip.transcript
    assert "failed in" not in chip.transcript, chip.transcript
    assert "could not be wired" not in chip.transcript, chip.transcript
    unknown = [said for said in chip.complaints if "no peripheral at" not in said]
    assert not unknown, unknown


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_renode(suite: Path, tmp_path: Path) -> None:
    try:
        find_renode("renode-test")
    except AdderError as error:
        pytest.skip(str(error))
    if not (ROOT / "build" / "nrf52840" / "kernel.elf").is_file():
        pytest.fail("build/nrf52840/kernel.elf has not been built; run `make test`.", pytrace=False)
    result = subprocess.run(
        [sys.executable, "-m", "adder", "renode", "test", str(suite), "--results", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-20000:] + result.stderr
