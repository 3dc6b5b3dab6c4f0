"""Is each check of the verifier needed? Take one away, and some test of test_verify.py fails: verifier_mutants.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from verifier_mutants import places

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def kept() -> list[list[object]]:
    """The places of the checks that nobody misses."""
    result = subprocess.run([sys.executable, HERE / "verifier_mutants.py"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    found: list[list[object]] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(("file", "line"), sorted(places()))
def test_some_test_fails_without_this_check(file: str, line: int, kept: list[list[object]]) -> None:
    assert [file, line] not in kept, "nobody misses it"


def test_there_are_checks_to_take_away() -> None:
    assert len(list(places())) > 50
