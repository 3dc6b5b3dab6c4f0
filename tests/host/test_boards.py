"""What a board file does by itself stands outside of any containment: it only mints, and hands on."""

import ast
from pathlib import Path

import pytest

from adder.board import ROOT

BOARDS = sorted((ROOT / "boards").glob("*/board.py"))
PLAIN = {"const", "Buffer"}


def minted(tree: ast.Module, power: str) -> set[str]:
    """Names that are bound to what mint.POWER makes."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name) and ast.unparse(node.value.func) == f"mint.{power}"
    }


def outside(tree: ast.Module) -> list[str]:
    """Calls that no recipe makes, of what may run a capsule's code."""
    registers = minted(tree, "registers")
    recipes = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    contained = {id(node) for recipe in recipes for node in ast.walk(recipe)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and id(node) not in contained:
            called = ast.unparse(node.func)
            owner = called.split(".")[0]
            if called not in PLAIN and owner != "mint" and owner not in registers:
                found.append(f"{called}, line {node.lineno}")
    return found


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.parent.name)
def test_a_board_calls_capsules_in_recipes_alone(path: Path) -> None:
    assert outside(ast.parse(path.read_text())) == []


def test_a_call_of_a_driver_outside_of_a_recipe_is_found() -> None:
    text = "clock = mint.build('clock', lambda: Clock(registers))\nclock.start_high()\n"
    assert outside(ast.parse(text)) == ["clock.start_high, line 2"]
