"""Is each check of the verifier needed? Take one away, and some test of test_verify.py fails.

`make fuzz` takes away each statement that refuses something, one after the other; `make test` some of them.
"""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adder.board import ROOT

VERIFIER = ROOT / "adder" / "verify"
REFUSE = ("self.refuse(", "report.add(", "self.report.add(", "self.names.report.add(")
SAMPLE_STEP = 8


def places() -> Iterator[tuple[str, int]]:
    """Every statement that refuses: its file and line."""
    for path in sorted(VERIFIER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Expr) and ast.unparse(node).startswith(REFUSE):
                yield path.name, node.lineno


PLACES = sorted(places())


class Without(ast.NodeTransformer):
    """Takes the statement at a line away."""

    def __init__(self, line: int) -> None:
        self.line = line

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.copy_location(ast.Pass(), node) if node.lineno == self.line else node


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All places with --long, else one of eight."""
    step = 1 if metafunc.config.getoption("--long") else SAMPLE_STEP
    metafunc.parametrize(("file", "line"), PLACES[::step])


def test_some_test_fails_without_this_check(file: str, line: int, tmp_path: Path) -> None:
    copy = tmp_path / "adder"
    shutil.copytree(ROOT / "adder", copy, ignore=shutil.ignore_patterns("__pycache__"))
    # The copy looks at the repository's files.
    board = copy / "board.py"
    board.write_text(board.read_text().replace("Path(__file__).resolve().parents[1]", f"Path({str(ROOT)!r})"))
    mutant = copy / "verify" / file
    tree = Without(line).visit(ast.parse(mutant.read_text()))
    mutant.write_text(ast.unparse(tree))
    result = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header",
            "--rootdir", str(ROOT), str(ROOT / "tests" / "host" / "test_verify.py"),
        ],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1, f"nobody misses {file}:{line}\n{result.stdout[-1000:]}"
