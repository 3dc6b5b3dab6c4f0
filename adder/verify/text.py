"""CP001: the text, before it is parsed; the verifier's parser and the compiler's must see the same."""

import ast
import io
import re
import tokenize
import warnings

from adder.verify.findings import Report

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|[0-9][0-9_]*")
_STRING_START = re.compile(r"[bf]?[\"']")


def parse(text: str, report: Report) -> ast.Module | None:
    """The syntax tree of a plain text; None if there is none."""
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line):
            if not " " <= character <= "~":
                report.add(number, "CP001", f"character {character!a}", column)
                break
    if report.found:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
        check_tokens(text, report)
        return tree
    except SyntaxError as error:
        report.add(error.lineno or 1, "CP001", error.msg, max(0, (error.offset or 1) - 1))
    except (tokenize.TokenError, RecursionError, MemoryError, ValueError):
        report.add(1, "CP001", "the parser gives up")
    return None


def check_tokens(text: str, report: Report) -> None:
    """Refuse what the two lexers may read in different ways."""
    lines = text.split("\n")
    quoted: set[int] = set()  # lines whose end lies within a string
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        (line, column), kind = token.start, token.type
        if kind == tokenize.STRING:
            quoted.update(range(line, token.end[0]))
            if not _STRING_START.match(token.string):
                report.add(line, "CP001", "string with another prefix than b or f", column)
        elif kind == tokenize.NUMBER and isinstance(ast.literal_eval(token.string), int):
            if not _NUMBER.fullmatch(token.string):
                report.add(line, "CP001", f"number written as {token.string}", column)
        elif kind == tokenize.OP and token.string == ";":
            report.add(line, "CP001", "two statements on one line", column)
        if kind == tokenize.NAME and before == tokenize.NUMBER and not text_between(lines, token):
            report.add(line, "CP001", "a number and a word without a space", column)
        before = kind
    for number, line_text in enumerate(lines, 1):
        if line_text.endswith("\\") and number not in quoted:
            report.add(number, "CP001", "backslash at the end of a line", len(line_text) - 1)


def text_between(lines: list[str], token: tokenize.TokenInfo) -> bool:
    """Whether a space stands before a token."""
    line, column = token.start
    return column == 0 or lines[line - 1][column - 1] == " "
