"""Words mean one thing each, in code and in prose (docs/contributing.md)."""

import ast

import pytest

from adder.board import ROOT

CAPSULES = sorted(
    path
    for folder in ("core", "sensors")
    for path in (ROOT / "capsules" / folder).glob("*.py")
    if path.stem != "__init__"
)


@pytest.mark.parametrize("path", CAPSULES, ids=lambda path: path.stem)
def test_a_capsule_calls_its_commands_by_their_names(path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id == "number":
            bare = [one for one in node.comparators if isinstance(one, ast.Constant) and one.value != 0]
            bare += [
                one for one, op in zip(node.comparators, node.ops, strict=True)
                if isinstance(one, ast.Constant) and isinstance(op, ast.Eq | ast.NotEq)
            ]  # fmt: skip
            assert not bare, f"{path.name}:{node.lineno}: write `_NAME = const({bare[0].value})` under `# Commands`"
