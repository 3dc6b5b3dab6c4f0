"""Functions of the library that only send a command: what is made an object in C, and what stays a function."""

import ast

import pytest

from adder.board import ROOT
from adder.build.prepared import with_prepared


@pytest.mark.parametrize(
    ("function", "made"),
    [
        ("def f():\n    return command(_D, 0)", "f = prepared(_D, 0, 0, 0)"),
        ("def f(led: int = 0) -> None:\n    '''On.'''\n    command(2, 1, led)", "f = prepared(2, 1, 0, 1)"),
        ("def f(a, b=0):\n    command(2, 1, a, b)", "f = prepared(2, 1, 1, 2)"),
        ("def f():\n    return syscall.command(_D, 1)", "f = syscall.prepared(_D, 1, 0, 0)"),
    ],
)
def test_a_function_that_only_sends_a_command_is_made_one_object(function: str, made: str) -> None:
    text = with_prepared(f"from syscall import command\nimport syscall\n{function}\n")
    assert text.splitlines()[2] == made
    assert text.startswith("from syscall import command, prepared\n")


@pytest.mark.parametrize(
    "function",
    [
        "def f(a):\n    return command(2, 4, a) == 1",
        "def f(a, b):\n    command(2, 1, b, a)",
        "def f(a):\n    command(2, 1, a + 1)",
        "def f(a):\n    command(2, 1, 0, a)",
        "def f(a, b):\n    command(2, a, b)",
        "def f(a):\n    command(2, a)",
        "def f(a=1):\n    command(2, 1, a)",
        "def f(*a):\n    command(2, 1, *a)",
        "def f(a, *, b=0):\n    command(2, 1, a)",
        "def f(a, b, c):\n    command(2, 1, a, b, c)",
        "async def f():\n    command(2, 1)",
        "@cached\ndef f():\n    return command(2, 1)",
        "def f():\n    command(2, 1)\n    command(2, 2)",
        "class F:\n    def f(self):\n        command(2, 1)",
    ],
)
def test_any_other_function_stays_as_it_is(function: str) -> None:
    text = f"from syscall import command  # a comment\n{function}\n"
    assert with_prepared(text) == text


def test_the_librarys_modules_keep_all_their_names() -> None:
    changed = 0
    for path in (ROOT / "apps" / "library").rglob("*.py"):
        text = path.read_text()
        assert names(with_prepared(text)) - {"prepared"} == names(text)
        changed += with_prepared(text) != text
    assert changed >= 4  # led, button, gpio, storage at least


def names(text: str) -> set[str]:
    """What a module defines."""
    found = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found
