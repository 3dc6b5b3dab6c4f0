"""Each function of the kernel's C that trusts something says what, and why that holds, in a `Safety:` line before it.

Three things are looked for: an address made of a number, an address that a process has said (`allowed_bytes`), and a
register whose address is computed. It is a reader of this project's C and of no other: a function begins in the first
column and ends with a brace there. What it cannot tell to be a pointer already, it takes for a number.
A pointer to pointers is left out: such are the roots that the garbage collector is shown, arrays all of them.
"""

import re
from pathlib import Path

import pytest

from adder.board import ROOT

FIRMWARE = ROOT / "firmware"
UNPRIVILEGED = "python_process"
UPSTREAM = "upstream_"
"""Wrappers of MicroPython's files, whose own code is not ours to comment."""

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
FUNCTION = re.compile(
    r"(?P<comment>(?:^//[^\n]*\n)*)^(?P<head>[a-z_][^\n;={}#]*\([^;{}]*\)) \{\n(?P<body>.*?)^\}",
    re.MULTILINE | re.DOTALL,
)
CAST = re.compile(
    r"\((?:const |volatile )*(?:struct )?\w+ \*(?: ?const)?\)\s*(?=[&\w(])(?P<operand>&?\w*[\w.>\[\]-]*(?:\()?|\()"
)
POINTER = re.compile(r"\*+\s*(?:const )?(?P<name>\w+)(?=[,;)=\[ ])")
GIVERS = ("MP_OBJ_TO_PTR(", "MP_OBJ_TYPE_GET_SLOT(", "mp_obj_str_get_data(", "__builtin_frame_address(", "NULL")
"""What gives a pointer: MicroPython's own, and the compiler's."""

REGISTER = re.compile(r"\bREGISTER\((?P<address>[^;]*?)\)")


def blank(text: str) -> str:
    """The text without what stands in comments and strings; lines stay where they are."""
    return COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def fields(texts: list[str]) -> set[str]:
    """Names of members that are pointers wherever a structure has one of that name."""
    pointers: set[str] = set()
    numbers: set[str] = set()
    for text in texts:
        for body in re.findall(r"\bstruct(?: \w+)? \{(.*?)^\}", blank(text), re.MULTILINE | re.DOTALL):
            for line in body.split(";"):
                for part in line.split(","):
                    if found := re.search(r"(\*?)\s*(\w+)(?:\[\w*\])?\s*(?::\s*\d+)?$", part.strip()):
                        (pointers if found[1] else numbers).add(found[2])
    return pointers - numbers


def is_pointer(operand: str, head: str, body: str, members: set[str]) -> bool:
    """Whether what is cast is an address already."""
    if operand.startswith("&") or operand in GIVERS:
        return True
    if operand.endswith("("):
        return False
    name = re.split(r"\.|->", operand)
    if len(name) > 1:
        return name[-1] in members
    return any(found["name"] == operand for found in POINTER.finditer(head + "{" + body))


def trusting(text: str, members: set[str]) -> dict[str, bool]:
    """Functions that trust something, and whether they say so."""
    shown = blank(text)
    found = {}
    for match in FUNCTION.finditer(shown):
        head, body = match["head"], match["body"]
        name = re.search(r"(\w+)\(", head)
        casts = [cast["operand"] for cast in CAST.finditer(body)]
        registers = [one["address"] for one in REGISTER.finditer(body)]
        if (
            any(not is_pointer(operand, head, body, members) for operand in casts)
            or any(re.search(r"[a-z]", re.sub(r"0x\w+", "", address)) for address in registers)
            or "allowed_bytes(" in body
        ):
            assert name is not None
            before = text[: match.start("head")].removesuffix("\n").split("\n")
            comment = []
            while before and before[-1].startswith("//"):
                comment.append(before.pop())
            found[name[1]] = any(line.startswith("// Safety:") for line in comment)
    return found


def sources() -> list[Path]:
    paths = [path for pattern in ("*.c", "*.h") for path in FIRMWARE.rglob(pattern)]
    return sorted(path for path in paths if UNPRIVILEGED not in path.parts and not path.name.startswith(UPSTREAM))


def test_each_function_that_trusts_something_says_so() -> None:
    texts = {path: path.read_text() for path in sources()}
    members = fields(list(texts.values()))
    silent = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, text in texts.items()
        for name, said in trusting(text, members).items()
        if not said
    ]
    assert silent == []


HEAD = "typedef struct {\n    uint8_t *start;\n    uint32_t address, length;\n} range_t;\n\n"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("void f(uint32_t a) {\n    *(uint8_t *)a = 1;\n}\n", {"f": False}),
        ("// Safety: it is ours.\nvoid f(uint32_t a) {\n    *(uint8_t *)a = 1;\n}\n", {"f": True}),
        ("// Safety: it is ours.\n\nvoid f(uint32_t a) {\n    memset((void *)a, 0, 1);\n}\n", {"f": False}),
        ("void f(void *a) {\n    uint8_t *b = (uint8_t *)a;\n}\n", {}),
        ("void f(range_t *r) {\n    g((void *)r->start);\n}\n", {}),
        ("void f(range_t *r) {\n    g((void *)r->address);\n}\n", {"f": False}),
        ("void f(range_t r) {\n    g((const void *)(r.address + 4));\n}\n", {"f": False}),
        ("void f(allowed_t r) {\n    *allowed_bytes(r) = 0;\n}\n", {"f": False}),
        ("void f(void) {\n    REGISTER(0x40000000) = 1;\n    REGISTER(BASE + 4) = 1;\n}\n", {}),
        ("void f(uint32_t a) {\n    REGISTER(a) = 1;\n}\n", {"f": False}),
        ('void f(void) {\n    // (void *)a\n    g("(void *)a");\n}\n', {}),
        ("void f(mp_obj_t o) {\n    type_t *t = (type_t *)MP_OBJ_TO_PTR(o);\n}\n", {}),
        ("static inline frame_t *f(const process_t *p) {\n    return (frame_t *)p->psp;\n}\n", {"f": False}),
    ],
)
def test_what_trusts_is_found(code: str, found: dict[str, bool]) -> None:
    assert trusting(HEAD + code, fields([HEAD])) == found
