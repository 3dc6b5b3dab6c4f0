"""What the linters say of the host tool and of the tests: nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from adder.board import ROOT

pytestmark = pytest.mark.xdist_group("mypy")  # what one run has read of a library, the next need not

TOGETHER = ("", "adversarial", "system")
"""Folders of tests/ whose files mypy checks: each for itself, since files of two folders may have one name."""

APART = {"hostile", "exhausted", "board", "host"}
"""Folders in them with Python of the kernel's, which `adder typecheck` checks, or none: it is refused."""


def said(*command: object) -> str:
    """What a tool says if it is not content."""
    result = subprocess.run(
        [sys.executable, "-m", *map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return "" if result.returncode == 0 else result.stdout + result.stderr


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_ruff_has_nothing_to_say(command: tuple[str, ...]) -> None:
    assert said("ruff", *command, "-q", "adder", "tests") == ""


def test_mypy_has_nothing_to_say_of_the_host_tool_however_strict() -> None:
    assert said("mypy", "--strict", "--cache-dir", "build/mypy", "adder") == ""


def test_the_tools_wings_import_downwards_only() -> None:
    # The layers are in pyproject.toml; a new wing that stands in none of them fails, too.
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("folder", TOGETHER)
def test_mypy_has_nothing_to_say_of_the_tests(folder: str) -> None:
    paths = [
        path
        for path in sorted((ROOT / "tests" / folder).glob("**/*.py" if folder else "*.py"))
        if not APART & set(path.relative_to(ROOT / "tests" / folder).parts[:-1]) and path.name != "conftest.py"
    ]
    assert paths
    assert said("mypy", "--config-file", "tests/mypy.ini", "--cache-dir", "build/mypy-tests", *paths) == ""


ON_PURPOSE = {"tests/adversarial/hostile/refused/text_nul.py"}


def test_nothing_is_kept_that_somebody_else_has_built() -> None:
    # What is fetched or built belongs into build/: all that is under version control can be read.
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a checkout")
    names = [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    assert [name for name in names if not is_text(ROOT / name) and name not in ON_PURPOSE] == []


def is_text(path: Path) -> bool:
    """Whether a file is UTF-8 without control characters that no editor writes."""
    try:
        return "\0" not in path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
