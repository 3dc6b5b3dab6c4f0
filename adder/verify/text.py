"""CP001: the text, before it is parsed; the verifier's parser and the compiler's must see the same."""

import ast
import io
import re
import tokenize
import warnings

from adder.verify.findings import NO_PYTHON, Report

_NOT_PLAIN = re.compile(r"[^ -~]")
_STRING_START = re.compile(r"[bf]?[\"']")


def parse(text: str, report: Report) -> ast.Module | None:
    """The syntax tree of a plain text; None if there is none."""
    for number, line in enumerate(text.split("\n"), 1):
        if other := _NOT_PLAIN.search(line):
            report.add(number, "CP001", f"character {other[0]!a}", other.start())
    if report.found:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
        check_tokens(text, report)
        return tree
    except SyntaxError as error:
        report.add(error.lineno or 1, "CP001", f"{NO_PYTHON}{error.msg}", max(0, (error.offset or 1) - 1))
    except (tokenize.TokenError, RecursionError, MemoryError, ValueError):
        report.add(1, "CP001", "the parser gives up")
    return None


def check_syntax(tree: ast.Module, report: Report) -> None:
    """What a syntax tree may hold and the language has not: a break outside of loops, a parameter twice."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(tree, report.path, "exec", dont_inherit=True)
    except SyntaxError as error:
        report.add(error.lineno or 1, "CP001", f"{NO_PYTHON}{error.msg}")


def check_tokens(text: str, report: Report) -> None:
    """Refuse what the two lexers, or the build that edits lines, may read in different ways."""
    quoted: set[int] = set()  # lines whose end lies within a string
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        line, column = token.start
        if token.type == tokenize.STRING:
            quoted.update(range(line, token.end[0]))
            if not _STRING_START.match(token.string):
                report.add(line, "CP001", "string with another prefix than b or f", column)
        elif token.type == tokenize.OP and token.string == ";":
            report.add(line, "CP001", "two statements on one line", column)
    for line, written in enumerate(text.split("\n"), 1):
        if written.endswith("\\") and line not in quoted:
            report.add(line, "CP001", "backslash at the end of a line", len(written) - 1)
