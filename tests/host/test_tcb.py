"""Counting trusted lines and finding minted powers."""

import json
from pathlib import Path

import grimp
import pytest
from click.testing import CliRunner

from adder.board import ROOT
from adder.cli import cli
from adder.errors import AdderError
from adder.measure import tcb
from adder.output import console


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", 0),
        ("\n\n  \n", 0),
        ("int a; // why\n", 1),
        ("// only\n/* and\n more */\n", 0),
        ("int a; /* from\n here */ int b;\n", 2),
        ('char *s = "// no comment";\n', 1),
        ('char *s = "/*";\nint a;\nchar *t = "*/";\n', 3),
        ("char c = '\"'; // \"\nint a;\n", 2),
        ("// goes on \\\n here\nint a;\n", 1),
        ("#define A \\\n    1\n", 2),
        ('char *s = "a\\"/*b";\nint a;\n', 2),
    ],
)
def test_lines_of_c(text: str, lines: int) -> None:
    assert tcb.count_c(text) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("  mov r0, #1 @ why\n@ only\n// only\n", 1),
        ("// it's\n  nop\n// isn't\n  nop\n", 2),
        ('/* a\n b */\n  .section ".text"\n', 1),
    ],
)
def test_lines_of_assembly(text: str, lines: int) -> None:
    assert tcb.count_assembly(text) == lines


def test_lines_of_toml() -> None:
    assert tcb.count_toml("# why\n\n[memory]\na = 1  # b\n") == 2


def test_lines_of_python() -> None:
    text = '"""Doc\nstring."""\n\nimport x\n\n\n'
    text += 'def f():\n    """Doc."""\n    # why\n    return (\n        1\n    )\n'
    assert tcb.count_python(text) == 5


BOARD = """
import mint
from mint import interrupt as line, grant
from capsules.core.led import LedDriver

uart = mint.registers("uart0")
timer = Timer(mint.registers("timer0"), line("timer0"))
led = LedDriver(uart.registers("not a power"))

def helper(make=mint.registers):
    return make("uart1")
"""


def test_every_use_of_the_mint_is_listed() -> None:
    powers = tcb.minted_powers(BOARD, "boards/x/board.py")
    assert [(power.line, power.text) for power in powers] == [
        (6, "mint.registers('uart0')"),
        (7, "line('timer0')"),
        (7, "mint.registers('timer0')"),
        (10, "mint.registers"),
    ]


def test_a_star_import_is_listed() -> None:
    assert [power.text for power in tcb.minted_powers("from mint import *\n", "b.py")] == ["from mint import *"]


def test_a_board_file_with_a_syntax_error_is_named() -> None:
    with pytest.raises(AdderError, match=r"b\.py, line 1"):
        tcb.minted_powers("def\n", "b.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "firmware/core/mmio.c": "int a;\n// no\nint b;\n",
        "firmware/core/mmio.h": "int a;\n",
        "firmware/arch/cortex_m4/entry.S": "  nop\n",
        "boards/x/memory.toml": "a = 1\n# no\n",
        "boards/x/board.py": BOARD,
        "board/kernel.ld": "/* no */\nENTRY(x)\nSECTIONS {}\n",
        "adder/verify/a.py": "x = 1\n",
        "adder/verify/functions.toml": "[a]\nb = 1\n",
        "adder/verify/rules.toml": "[a]\n",
        "adder/verify_image/a.py": "y = 1\nz = 2\n",
        "adder/build/freeze.py": "x = 1\n",
        "adder/wire/layout.py": "x = 1\n",
        "adder/wire/check.py": "x = 1\n",
        "adder/measure/bench.py": "x = 1\n",
        "firmware/port/Makefile": "# no\nx = 1\n",
        "capsules/led.py": "import mint\nmint.registers('led')\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_report_adds_up(tree: Path) -> None:
    report = tcb.report(tcb.count_units(tree), tcb.find_powers(tree))
    assert report["c_lines"] == 3
    assert report["asm_lines"] == 1
    assert report["manifest_lines"] == 3
    assert report["wiring_lines"] == tcb.count_python(BOARD)
    assert report["verifier_lines"] == 3
    assert report["table_lines"] == 2
    assert report["build_lines"] == 2
    assert report["wire_lines"] == 1
    assert report["total_lines"] == 15 + report["wiring_lines"]
    assert report["units"]["firmware/core/mmio.c"] == 2
    assert {power["file"] for power in report["powers"]} == {"boards/x/board.py"}


def test_a_line_number_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("boards/qemu/board.py:100: mint.grant()")
    assert capsys.readouterr().out == "boards/qemu/board.py:100: mint.grant()\n"


def test_the_verb_counts_this_repository(tmp_path: Path) -> None:
    out = tmp_path / "tcb.json"
    result = CliRunner().invoke(cli, ["tcb", "--json", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    report = json.loads(out.read_text())
    parts = [report[f"{kind}_lines"] for kind in tcb.KINDS]
    assert min(parts) > 0
    assert report["total_lines"] == sum(parts) == sum(report["units"].values())
    assert f"{report['total_lines']:,} of {tcb.LIMIT:,} allowed" in result.output
    assert report["total_lines"] <= tcb.LIMIT - tcb.ROOM, "raise the limit, and say why in docs/architecture.md"


FOR_PEOPLE = {"adder/__init__.py", "adder/errors.py", "adder/files.py", "adder/output.py", "adder/text.py"}
"""What only prints, reads what is then looked at, or writes figures."""

FOR_PROCESSES = {"adder/build/prepared.py"}
"""What of the build changes the library of processes alone, which nobody trusts."""

LOOKING = {
    "adder/board/shape.py",
    "adder/board/title.py",
    *(f"adder/wire/{name}" for name in tcb.CHECKING),
    *(f"adder/verify/{name}" for name in tcb.SPEAKING),
}
"""What can refuse a kernel, or explain, and do no more."""


def test_what_chooses_or_changes_what_was_verified_is_counted() -> None:
    units = {unit.path for unit in tcb.count_units(ROOT)}
    for name in (*tcb.LINKING, *(f"adder/{module}.py" for module in tcb.BUILD)):
        assert name in units
    # Whatever the build runs of ours, directly or by import, except for what only prints or reads for people.
    imports = grimp.build_graph("adder", exclude_type_checking_imports=True)
    steps = {"adder.build.freeze", "adder.build.manifest", "adder.build.configure"}
    steps |= {"adder.verify_image.__main__", "adder.wire.__main__"}
    used = steps.union(*(imports.find_upstream_modules(step) for step in steps))
    names = {name.replace(".", "/") for name in used}
    files = {f"{name}.py" if (ROOT / f"{name}.py").is_file() else f"{name}/__init__.py" for name in names}
    assert files >= {f"adder/{module}.py" for module in tcb.BUILD}
    empty = {file for file in files if not tcb.count_python((ROOT / file).read_text())}
    assert files - units - empty <= FOR_PEOPLE | FOR_PROCESSES | LOOKING
