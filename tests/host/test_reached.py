"""The table of the functions in C that Capsule Python can reach: complete for the kernel's image, and true."""

import re
from pathlib import Path
from typing import Any

import pytest
from reached import FOR_WIRING, Reached, reached, short

from adder.board import ROOT
from adder.verify.functions import BUILTINS, FUNCTIONS, OPERATORS
from adder.verify.whitelist import EXCEPTIONS, MOST_ARGUMENTS, RESERVED
from adder.verify.whitelist import OPERATORS as SYNTAX

MICROPYTHON = ROOT / "build" / ".micropython"
EXCEPTION = ("make_new", "print", "attr")


def rows(group: str) -> dict[str, dict[str, Any]]:
    """The rows of a group: those of built-in functions and of the runtime by one name, the others by two."""
    if group in ("builtins", "runtime"):
        return {f"{group}.{name}": row for name, row in FUNCTIONS[group].items()}
    return {f"{owner}.{name}": row for owner, inner in FUNCTIONS[group].items() for name, row in inner.items()}


ROWS = {
    (group, name): row
    for group in ("slots", "methods", "functions", "builtins", "runtime")
    for name, row in rows(group).items()
}


def source() -> Path:
    """MicroPython's source."""
    return (ROOT / MICROPYTHON.read_text().strip()).resolve()


def own_classes() -> list[Reached]:
    """The slots that a class of a capsule gets when it is made."""
    text = (source() / "py" / "objtype.c").read_text()
    return [
        Reached("slots", "instance", slot, c)
        for slot, c in re.findall(r"MP_OBJ_TYPE_SET_SLOT\(o, (\w+), (\w*instance\w+), \d\)", text)
    ]


def listed_as(one: Reached) -> Reached | None:
    """Under which name the table has it; None if the verifier's lists keep it out of reach."""
    unreached = FUNCTIONS["unreached"]
    if one.group in ("slots", "methods") and one.owner in unreached["types"]:
        return None
    if one.group == "slots" and one.c.startswith("mp_obj_exception_"):
        return one._replace(owner="exception")
    if (
        one.group == "methods"
        and (one.name in RESERVED or one.name.startswith("__"))
        and (one.owner, one.name) != ("str", "format")
    ):
        return None
    if one.group == "builtins" and one.name not in BUILTINS:
        return None
    if one.group == "runtime":
        return None if one.name in unreached["runtime"] else one
    return one


@pytest.fixture(scope="module")
def found(unwired: Path) -> set[Reached]:
    """What the tables have of the kernel that wires itself: recipes can reach mint, too."""
    return {one for each in [*reached(unwired), *own_classes()] if (one := listed_as(each)) is not None}


def test_every_function_that_can_be_reached_is_in_the_table(found: set[Reached]) -> None:
    missing = {one for one in found if ROWS.get((one.group, f"{one.owner}.{one.name}"), {}).get("c") != one.c}
    assert not missing, "\n".join(f"[{one.group}.{one.owner}.{one.name}] c = {one.c!r}" for one in sorted(missing))


def test_every_row_of_the_table_is_in_the_image(found: set[Reached]) -> None:
    names = {(one.group, f"{one.owner}.{one.name}") for one in found}
    types = {("builtins", f"builtins.{name}") for name in ("bool", "int", "range", "tuple")}  # slots.TYPE.make_new
    assert set(ROWS) - names - types == set()


def test_the_image_has_what_the_table_is_derived_from(found: set[Reached]) -> None:
    """A reader that finds nothing would miss nothing."""
    functions = {one.c for one in found}
    assert {"str_find", "mp_obj_int_binary_op", "control_write_name", "take_cell_map", "mp_builtin_min"} <= functions
    assert {"kernel_log", "mint_grant", "quick_binary_op", "instance_print"} <= functions
    assert len(functions) > 180
    assert short("mp_type_str") == "str"


def test_a_wired_kernel_has_the_same_without_what_only_wiring_needs(kernel: Path, unwired: Path) -> None:
    before, after = set(reached(unwired)), set(reached(kernel))
    assert after <= before
    assert {(one.group, one.owner) for one in before - after} == {("functions", module) for module in FOR_WIRING}


@pytest.mark.parametrize(("group", "name"), ROWS, ids=lambda part: part)
def test_a_row_shows_the_line_that_checks(group: str, name: str) -> None:
    row = ROWS[group, name]
    file, line = row["because"]
    path = ROOT / file if file.startswith("firmware/") else source() / file
    assert line in path.read_text(), f"{file} has no such line any more; look again at what it checks"
    for takes in row["takes"]:
        for kind in takes.rstrip("?").split(" | "):
            assert kind in FUNCTIONS["kinds"] or kind == "..."


def test_what_can_be_passed_as_a_value_is_safe_for_anything() -> None:
    """The verifier knows which function is called only where its name stands before the parenthesis."""
    demanding = {name for (group, name), row in ROWS.items() if group != "builtins" and "safe" in row}
    assert demanding == {"str.format"}, "which no name reaches"
    assert "format" in RESERVED


def test_the_verifiers_operators_and_functions_are_the_tables() -> None:
    assert set(OPERATORS) == {node.__name__ for node in SYNTAX}
    assert BUILTINS["max"].most == BUILTINS["min"].most == MOST_ARGUMENTS
    assert not set(BUILTINS) & EXCEPTIONS
