"""The kernel's C has one direction: docs/architecture.md says which folder may know which."""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from adder.board import ROOT

FIRMWARE = ROOT / "firmware"
LAYERS = {
    "arch": "the processor: vectors, MPU, registers",
    "core": "the mechanisms: context switch, memory, grants, interrupts, who runs; `TakeCell`",
    "kernel": "processes, system calls, upcalls, scheduler, loader, faults, containment; what commands hand over",
    "objects": "what Python holds, one C type a file; the modules `cells`, `kernel` and `mint`",
    "port": "MicroPython's configuration, and boot",
}
"""The folders of `firmware/` from the bottom to the top: each may include itself and those below."""

UNPRIVILEGED = "python_process"
"""What runs in processes stands beside them: nothing trusted includes it, and of them it includes the port alone."""

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def sources(firmware: Path) -> list[Path]:
    return sorted(path for pattern in ("*.c", "*.h", "*.S") for path in firmware.rglob(pattern))


def folder(path: str) -> str:
    return path.split("/", maxsplit=1)[0] if "/" in path else ""


def included(firmware: Path, path: Path) -> list[str]:
    """The files of ours that one includes, as paths below `firmware/`."""
    names = INCLUDE.findall(path.read_text())
    found = [
        name if (firmware / name).is_file() else f"{folder(str(path.relative_to(firmware)))}/{name}" for name in names
    ]
    return [name for name in found if (firmware / name).is_file()]


def upwards(firmware: Path) -> list[str]:
    """Each include of what lies higher, as a sentence."""
    order = list(LAYERS)
    bad = []
    for path in sources(firmware):
        here = path.relative_to(firmware).as_posix()
        for other in included(firmware, path):
            ours, theirs = folder(here), folder(other)
            if ours == UNPRIVILEGED:
                allowed = theirs in (UNPRIVILEGED, "port")
            else:
                allowed = theirs in order and order.index(theirs) <= order.index(ours)
            if not allowed:
                bad.append(f"firmware/{here} includes {other}")
    return bad


def circle(firmware: Path) -> list[str]:
    """Units, a .c with its .h, that include one another in a circle."""
    graph: dict[str, set[str]] = {}
    for path in sources(firmware):
        unit = path.relative_to(firmware).with_suffix("").as_posix()
        others = {str(Path(other).with_suffix("")) for other in included(firmware, path)}
        graph.setdefault(unit, set()).update(others - {unit})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_each_folder_of_the_kernels_c_is_a_layer() -> None:
    assert {folder(str(path.relative_to(FIRMWARE))) for path in sources(FIRMWARE)} == {*LAYERS, UNPRIVILEGED}


def test_nothing_includes_what_lies_above_it() -> None:
    assert upwards(FIRMWARE) == []


def test_no_units_include_one_another_in_a_circle() -> None:
    assert circle(FIRMWARE) == []


def test_the_docs_show_the_same_layers() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    shown = re.findall(r"^\| `firmware/(\w+)/` \| (.*) \|$", text, re.MULTILINE)
    assert shown == list(reversed(LAYERS.items()))


@pytest.mark.parametrize(
    ("files", "bad", "units"),
    [
        ({"core/a.c": '#include "core/a.h"\n#include "arch/b.h"\n', "core/a.h": "", "arch/b.h": ""}, [], []),
        ({"core/a.h": '#include "kernel/b.h"', "kernel/b.h": ""}, ["firmware/core/a.h includes kernel/b.h"], []),
        ({"core/a.S": '# include "kernel/b.h"', "kernel/b.h": ""}, ["firmware/core/a.S includes kernel/b.h"], []),
        (
            {"kernel/a.c": '#include "python_process/b.h"', "python_process/b.h": ""},
            ["firmware/kernel/a.c includes python_process/b.h"],
            [],
        ),
        (
            {"python_process/a.c": '#include "kernel/b.h"', "kernel/b.h": ""},
            ["firmware/python_process/a.c includes kernel/b.h"],
            [],
        ),
        ({"core/a.c": '#include "b.h"\n', "core/b.h": '#include "core/a.h"', "core/a.h": ""}, [], ["core/a", "core/b"]),
        ({"core/a.c": '#include "py/obj.h"\n#include <string.h>\n'}, [], []),
    ],
)
def test_includes_are_judged(tmp_path: Path, files: dict[str, str], bad: list[str], units: list[str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert upwards(tmp_path) == bad
    assert set(circle(tmp_path)) == set(units)
