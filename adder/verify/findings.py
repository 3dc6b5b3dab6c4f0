"""What the verifier says about a file."""

import ast
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from adder.verify.rules import RULES

_LONGEST = 100  # characters of the source in a message


def unparsed(node: ast.AST) -> str:
    """What stands at a node, as Python."""
    try:
        return ast.unparse(node)
    except (ValueError, RecursionError):  # a number of thousands of digits, or as many parentheses
        return "..."


def source_of(node: ast.AST) -> str:
    """The same for a message: cut, if it is long."""
    text = unparsed(node)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


NO_PYTHON = "no Python: "
"""What a syntax error begins with."""

INSTEAD = {
    "AsyncFunctionDef": "have a method called back: set_client, set_alarm, deferred",
    "Assert": "return an ErrorCode, or raise",
    "Delete": "assign None",
    "Dict": "use a tuple, or a chain of if",
    "DictComp": "use a tuple, or a chain of if",
    "Div": "use // on whole numbers, in a smaller unit such as thousandths",
    "GeneratorExp": "use a for loop",
    "Global": "keep it in an attribute of self",
    "Lambda": "write a method",
    "Match": "use a chain of if",
    "MatMult": "use a for loop",
    "NamedExpr": "assign on a line of its own",
    "Pow": "use << or *",
    "Set": "use a tuple, or the bits of a number",
    "SetComp": "use the bits of a number",
    "Slice": "use a for loop over the indices, or Buffer.copy",
    "Starred": "name each argument or element",
    "With": "call what it does at its beginning and end, with try and finally",
    "Yield": "have a method called again, with what it needs in attributes of self",
    "YieldFrom": "have a method called again, with what it needs in attributes of self",
    "complex constant": "use whole numbers, in a smaller unit such as thousandths",
    "ellipsis constant": "write pass",
    "float constant": "use whole numbers, in a smaller unit such as thousandths",
}
"""What to write in place of a construct that the language has not, where that is not the rule's advice."""


@dataclass(frozen=True, order=True)
class Finding:
    """One place that breaks a rule."""

    path: str
    line: int
    column: int
    rule: str
    what: str

    @property
    def message(self) -> str:
        """One line for people."""
        return f"{RULES[self.rule].title}: {self.what}"

    @property
    def remedy(self) -> str:
        """What to write instead."""
        if self.rule == "CP001" and self.what.startswith(NO_PYTHON):
            return "mend the syntax there, or shortly before"
        return (INSTEAD.get(self.what) if self.rule == "CP002" else None) or RULES[self.rule].remedy

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.rule} {self.message}; {self.remedy}"

    def for_machines(self) -> dict[str, Any]:
        """The same as data."""
        rule = RULES[self.rule]
        return {
            "file": self.path, "line": self.line, "column": self.column, "rule": rule.id, "title": rule.title,
            "message": self.message, "remedy": self.remedy,
        }  # fmt: skip


@dataclass
class Report:
    """Collects the findings on one file; a rule says the same thing about a place only once."""

    path: str
    found: set[Finding] = field(default_factory=set)

    def add(self, where: ast.AST | int, rule: str, what: str, column: int = 0) -> None:
        """Refuse what stands at a node, or at a line and column (counted from 0)."""
        if isinstance(where, ast.AST):
            line, column = getattr(where, "lineno", 1), getattr(where, "col_offset", 0)
        else:
            line = where
        self.found.add(Finding(self.path, line, column + 1, rule, what))

    def has(self, node: ast.AST, rules: Container[str]) -> bool:
        """Whether one of these rules was broken within a node."""
        first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
        return any(first <= finding.line <= last and finding.rule in rules for finding in self.found)
