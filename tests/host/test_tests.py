"""No test looks at nothing: where all that it asserts stands in loops, what they go over is there."""

import ast
import re
from collections.abc import Iterator

from adder.board import ROOT

EACH_PAGE = {
    "test_every_link_leads_somewhere",
    "test_every_file_that_is_named_is_there",
    "test_code_that_is_quoted_from_a_file_stands_there",
}
"""Tests of one page each, which need not have any; another test counts those of all pages."""

CHECKING = {"expect", "expect_all", "raises", "fail", "run_until", "compare", "crash", "one"}
"""Calls that fail by themselves."""


def outermost(node: ast.AST, loop: ast.For | None = None) -> Iterator[ast.For | None]:
    """Of each assertion, the outermost loop that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Assert):
            yield loop
        else:
            yield from outermost(child, loop or (child if isinstance(child, ast.For) else None))


def is_known(node: ast.expr) -> bool:
    """Whether a loop goes over something that is written there."""
    match node:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return any(not isinstance(element, ast.Starred) for element in elements)
        case ast.Call(func=ast.Name(id="range")):
            return True
        case ast.Call(func=ast.Name(id="enumerate" | "zip" | "sorted"), args=[first, *_]):
            return is_known(first)
        case ast.Call(func=ast.Attribute(value=ast.Tuple() | ast.List() | ast.Constant())):
            return True
    return False


def looks_at_nothing(text: str) -> list[str]:
    """The tests of a file of which nobody knows whether they do."""
    found = []
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef) or not function.name.startswith("test_"):
            continue
        local = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        loops = list(outermost(function))
        called = {ast.unparse(node.func).split(".")[-1] for node in ast.walk(function) if isinstance(node, ast.Call)}
        drawn = any("given" in ast.unparse(decorator) for decorator in function.decorator_list)
        if not loops or None in loops or called & CHECKING or drawn or function.name in EACH_PAGE:
            continue
        iterables = [loop.iter for loop in loops if loop is not None]
        if not any(is_known(local.get(one.id, one) if isinstance(one, ast.Name) else one) for one in iterables):
            found.append(function.name)
    return found


def test_no_test_asserts_in_a_loop_alone_that_may_go_over_nothing() -> None:
    paths = [path for path in (ROOT / "tests").rglob("test_*.py") if "hostile" not in path.parts]
    assert len(paths) > 60
    assert {path.name: found for path in paths if (found := looks_at_nothing(path.read_text()))} == {}


def test_one_that_does_is_found() -> None:
    loop = "    for a in found():\n        assert a\n"
    assert looks_at_nothing(f"def test_a():\n{loop}") == ["test_a"]
    assert looks_at_nothing(f"def test_a():\n    assert found()\n{loop}") == []
    assert looks_at_nothing("def test_a():\n    for a in (1, 2):\n        assert a\n") == []
    assert looks_at_nothing("def test_a():\n    these = [1]\n    for a in these:\n        assert a\n") == []


SHARED = re.compile(r"setattr\(\s*(?:\w+\.)*(?:time|os|random|subprocess|threading), ")
"""Other threads of the tests' process use these as well: `setattr(module, "time", …)` is for one module alone."""


def test_no_test_changes_a_module_under_the_feet_of_other_threads() -> None:
    assert SHARED.search('monkeypatch.setattr(serial.time, "sleep", run)')
    assert not SHARED.search('monkeypatch.setattr(serial, "time", other)')
    paths = (path for path in (ROOT / "tests").rglob("test_*.py") if path.name != "test_tests.py")
    assert [path.name for path in paths if SHARED.search(path.read_text())] == []
