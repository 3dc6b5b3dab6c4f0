"""Is each check of the verifier needed? Take one away, and some test of test_verify.py fails.

`make fuzz` takes away each statement that refuses something, one after the other; `make test` some of them.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adder.board import ROOT

VERIFIER = ROOT / "adder" / "verify"
REFUSED = ROOT / "tests" / "adversarial" / "hostile" / "refused"
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
        self.text = ""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if node.lineno != self.line:
            return node
        self.text = ast.unparse(node)
        return ast.copy_location(ast.Pass(), node)


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
    taken = Without(line)
    tree = taken.visit(ast.parse(mutant.read_text()))
    mutant.write_text(ast.unparse(tree))
    # The attacks that the statement's own rule refuses come first: one of them nearly always gets through.
    rules = re.findall(r"CP\d{3}", taken.text)
    tries = [attacks_on(rules[0])] if rules else []
    for some in (*tries, []):
        result = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header",
                "--rootdir", str(ROOT), str(ROOT / "tests" / "host" / "test_verify.py"), *some,
            ],
            cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if result.returncode == 1:
            return
    pytest.fail(f"nobody misses {file}:{line}\n{result.stdout[-1000:]}")


def attacks_on(rule: str) -> list[str]:
    """The option that chooses the attacks which this rule refuses, if they are few enough for a command line."""
    header = f"# refused: {rule}".encode()
    names = [path.stem for path in sorted(REFUSED.glob("*.py")) if path.read_bytes().startswith(header)]
    return ["-k", " or ".join(f"(refused_by_one_rule and {name})" for name in names)]
