"""Words mean one thing each, in code and in prose (docs/contributing.md)."""

import ast
from pathlib import Path

import pytest

from adder.board import ROOT

CAPSULES = sorted(
    path
    for folder in ("core", "sensors")
    for path in (ROOT / "capsules" / folder).glob("*.py")
    if path.stem != "__init__"
)


@pytest.mark.parametrize("path", CAPSULES, ids=lambda path: path.stem)
def test_a_capsule_calls_its_commands_by_their_names(path: Path) -> None:
    asked = [
        (node.lineno, one)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id == "number"
        for one, op in zip(node.comparators, node.ops, strict=True)
        if not isinstance(op, ast.Lt)  # `number < 0` is not a command
    ]
    bare = [line for line, one in asked if isinstance(one, ast.Constant)]
    assert not bare, f"{path.name}: write `_NAME = const(...)` under `# Commands` for the numbers in the lines {bare}"
    assert asked or "    def command(" not in path.read_text()
