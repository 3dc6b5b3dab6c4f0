"""The nRF52840's kernel in Renode: runs renode/tests, one test here for each robot file. Skipped without Renode."""

import subprocess
import sys
from pathlib import Path

import pytest

from adder.board import ROOT
from adder.errors import AdderError
from adder.renode import find_renode

SUITES = sorted((ROOT / "renode" / "tests").glob("*.robot"))


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
