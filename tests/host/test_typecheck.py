"""The check of the kernel's types: the tree passes, and each kind of mistake is named where it is."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from adder.board import ROOT, board_names
from adder.build import typecheck
from adder.build.prepare import TYPES
from adder.build.typecheck import Check
from adder.cli import main

FOLDERS = ("board/components", "boards", "capsules", "firmware/stubs")


class Copy:
    """A copy of the kernel's Python that can be spoilt."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in FOLDERS:
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))

    def replace(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert old in text, f"{path} has changed: this test looks for {old!r}"
        file.write_text(text.replace(old, new))

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def append(self, path: str, text: str) -> None:
        self.write(path, (self.root / path).read_text() + text)

    def place(self, path: str, text: str) -> str:
        """`path:line:`, where the text stands."""
        before, found, _ = (self.root / path).read_text().partition(text)
        assert found
        return f"{path}:{before.count(chr(10)) + 1}:"

    def check(self, board: str = "qemu") -> list[str]:
        return [str(problem) for problem in Check(board, self.root / "build" / "typecheck", self.root).run()]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def one(messages: list[str], place: str, *texts: str) -> str:
    """The message at this place that has all these texts; there must be one."""
    found = [message for message in messages if message.startswith(place) and all(text in message for text in texts)]
    assert len(found) == 1, "\n".join([f"{place} {texts}", *messages])
    return found[0]


@pytest.mark.parametrize("board", ["nrf52840", "qemu"])
def test_the_tree_has_no_type_errors(tmp_path: Path, board: str) -> None:
    problems = Check(board, tmp_path / "typecheck").run()
    assert problems == [], "\n".join(map(str, problems))


UART = "capsules/drivers/cmsdk/uart.py"
TIMER = "capsules/drivers/cmsdk/dualtimer.py"
SPARE = "capsules/drivers/spare/things.py"


def test_a_class_that_is_no_complete_hil_is_named_at_its_own_line(copy: Copy) -> None:
    copy.replace(UART, "    def receive_abort(self)", "    def receive_stop(self)")
    copy.replace(TIMER, "def set_alarm(self, dt: int)", "def set_alarm(self, dt: int, repeat: bool)")
    copy.write(
        SPARE,
        '"""Drivers that no board has."""\n\n\n'
        'class SpareLed:\n    """A HIL Led."""\n\n    def on(self) -> None:\n        """Light it."""\n\n\n'
        'class Both:\n    """A HIL Led and a HIL Toaster."""\n\n    def __init__(self) -> None:\n'
        "        part = _Part()\n        self.on = self.off = self.toggle = part.act\n"
        "        self.is_on = part.look\n\n\n"
        'class _Part:\n    """Used in this file only."""\n\n    def act(self) -> None: ...\n\n'
        "    def look(self) -> int:\n        return 1\n\n\n"
        'class Nameless:\n    """Shares a HIL Uart."""\n',
    )
    messages = copy.check()
    place = copy.place(UART, "class CmsdkUart")
    assert one(messages, place) == (
        f'{place}1: error: class CmsdkUart is not a complete HIL Uart: "CmsdkUart" has no attribute "receive_abort"'
    )
    one(messages, copy.place(TIMER, "class DualTimerAlarm"), "not a complete HIL Alarm", "repeat: bool")
    for missing in ("off", "toggle", "is_on"):
        one(messages, copy.place(SPARE, "class SpareLed"), "not a complete HIL Led", f'"{missing}"')
    one(messages, copy.place(SPARE, "class Both"), "calls itself a HIL Toaster, which capsules/hil does not have")
    one(messages, copy.place(SPARE, "class Nameless"), "class Nameless names no HIL")
    assert not any("_Part" in message for message in messages)
    assert not any(message.startswith("build") for message in messages)
    # Where the incomplete driver is wired, its power is refused, too.
    one(messages, copy.place("boards/qemu/board.py", "console_line(uart"), "CmsdkUart", "receive_abort")


def test_a_mistake_is_named_where_it_is(copy: Copy) -> None:
    led, ipc, debug, console = (f"capsules/core/{name}.py" for name in ("led", "ipc", "low_level_debug", "console"))
    component, board = "board/components/console.py", "boards/qemu/board.py"
    copy.replace(led, "success_u32(self._count)", 'success_u32("two")')
    copy.append(
        ipc, "\n\ndef helper(a):\n    return config.NO_SUCH_OPTION\n\n\nSTRANGE = helper(config.MAX_PROCESSES)\n"
    )
    copy.replace(debug, "log, log_u32\n", "log, log_u32, log_u64\n")
    copy.replace(console, "grant: Grant,\n        transmit", "grant,\n        transmit")
    copy.append(console, "\n\ndef made(entry: Entry) -> Grant:\n    entry.left = 1\n    return Grant(1)\n")
    copy.append(component, '\n\nBAD: "int | None" = Buffer(3).copy(0, "text", 0, 4)\n')
    copy.append(board, '\nmint.registers(7)\nmint.everything()\nmint.grant(1, 5)\nodd = processes.fact(0, "colour")\n')
    messages = copy.check()
    one(messages, copy.place(led, '"two"'), 'Argument 1 to "success_u32"', 'expected "int"')
    one(messages, copy.place(ipc, "def helper"), "missing a type annotation")
    one(messages, copy.place(ipc, "STRANGE"), 'untyped function "helper"')
    one(messages, copy.place(debug, "from kernel"), 'Module "kernel" has no attribute "log_u64"')
    one(messages, copy.place(console, "def __init__"), "missing a type annotation")
    one(messages, copy.place(console, "entry.left"), '"Entry" has no attribute "left"')
    one(messages, copy.place(console, "Grant(1)"), '"Grant"')
    one(messages, copy.place(component, '"text"'), 'Argument 2 to "copy" of "Buffer"')
    one(messages, copy.place(board, "registers(7)"), 'Argument 1 to "registers"')
    one(messages, copy.place(board, "mint.everything"), 'Module has no attribute "everything"')
    one(messages, copy.place(board, "mint.grant(1, 5)"), 'expected "Layout"')
    one(messages, copy.place(board, '"colour"'), 'Argument 2 to "fact"')


def test_the_command_of_a_capsule_has_its_shape(copy: Copy) -> None:
    led, debug = "capsules/core/led.py", "capsules/core/low_level_debug.py"
    copy.replace(led, "process: ProcessId)", "process: ProcessId, more: int)")
    copy.replace(debug, 'process: ProcessId) -> "CommandReturn | int"', 'process: ProcessId) -> "CommandReturn | None"')
    copy.replace(debug, "return ErrorCode.NOSUPPORT", "return None")
    messages = copy.check()
    assert any(
        message.startswith("boards/qemu/board.py:") and "LedDriver" in line_of(copy, message) for message in messages
    )
    assert any(
        message.startswith("boards/qemu/board.py:") and "LowLevelDebug" in line_of(copy, message)
        for message in messages
    )


def line_of(copy: Copy, message: str) -> str:
    """The line that a message is about."""
    path, line, _ = message.split(":", 2)
    return (copy.root / path).read_text().splitlines()[int(line) - 1]


def test_an_option_that_does_not_exist_is_named(copy: Copy) -> None:
    ipc = "capsules/core/ipc.py"
    copy.replace(ipc, "upcalls=config.MAX_PROCESSES", "upcalls=config.MAX_PROCESES")
    (message,) = copy.check("nrf52840")
    assert message.startswith(copy.place(ipc, "MAX_PROCESES"))
    assert 'Module has no attribute "MAX_PROCESES"' in message


def test_a_capsule_that_comes_back_is_found(copy: Copy) -> None:
    thermometer = copy.root / "capsules/sensors/temperature.py"
    text = thermometer.read_text()
    thermometer.unlink()
    assert any('"temperature"' in message for message in copy.check())
    thermometer.write_text(text)
    assert copy.check() == []


def test_a_file_that_is_no_python_is_named_once(copy: Copy) -> None:
    led = "capsules/core/led.py"
    copy.replace(led, "if number == _TOGGLE:", "if number = _TOGGLE:")
    (message,) = copy.check()
    assert message.startswith(copy.place(led, "if number = _TOGGLE:"))
    assert "error: invalid syntax" in message


def test_the_command_line(copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["typecheck", *arguments])
        return (int(caught.value.code or 0), *capsys.readouterr())

    assert run("--board", "toaster") == (
        1,
        "",
        f"adder: There is no board 'toaster'; known boards: {', '.join(board_names())}.\n",
    )
    monkeypatch.setattr(typecheck, "ROOT", copy.root)
    assert run("--board", "nrf52840") == (0, "The kernel's Python has no type errors (nrf52840).\n", "")
    copy.append("capsules/core/led.py", "\n\nWRONG: int = LAYOUT\n")
    code, out, err = run()
    assert (code, err) == (1, "adder: 1 type error in the kernel's Python (nrf52840, qemu).\n")
    assert out.startswith(copy.place("capsules/core/led.py", "WRONG"))
    assert out.count("\n") == 1  # both boards reach the file


# The table of names in C, and what it is in the stubs: a module, or a class of it.
TABLES = [
    ("objects/entry.c", "entry_locals_table", "kernel", "Entry"),
    ("objects/grant.c", "grant_locals_table", "kernel", "Grant"),
    ("objects/flash_range.c", "flash_range_locals_table", "kernel", "FlashRange"),
    ("objects/interrupt_line.c", "interrupt_line_locals_table", "kernel", "InterruptLine"),
    ("objects/registers.c", "registers_locals_table", "kernel", "Registers"),
    ("objects/buffer.c", "buffer_locals_table", "cells", "Buffer"),
    ("objects/cells_module.c", "cells_globals_table", "cells", None),
    ("core/take_cell.c", "take_cell_locals_table", "cells", "TakeCell"),
    ("objects/user_buffer.c", "user_buffer_locals_table", "kernel", "UserBuffer"),
    ("objects/kernel_module.c", "error_code_locals_table", "kernel", "ErrorCode"),
    ("objects/kernel_module.c", "kernel_globals_table", "kernel", None),
    ("objects/process_control.c", "control_locals_table", "kernel", "ProcessControl"),
    ("objects/kernel_log.c", "log_locals_table", "kernel", "KernelLog"),
    ("objects/mint.c", "mint_globals_table", "mint", None),
]


@pytest.mark.parametrize(("source", "table", "module", "name"), TABLES, ids=[table for _, table, _, _ in TABLES])
def test_the_stubs_name_what_c_offers(source: str, table: str, module: str, name: str | None) -> None:
    text = (ROOT / "firmware" / source).read_text()
    found = re.search(rf"\b{table}\[\] = \{{(.*?)^\}};", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    offered = set(re.findall(r"^    (?:\{ MP_ROM_QSTR\(MP_QSTR_|[A-Z]+_ENTRY\()(\w+)\)", found[1], re.MULTILINE))
    body = ast.parse((ROOT / "firmware/stubs" / f"{module}.pyi").read_text()).body
    if name is not None:
        (body,) = (node.body for node in body if isinstance(node, ast.ClassDef) and node.name == name)
    stubs = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    stubs |= {node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    types = TYPES | {"Command", "Field", "FlashRange"} if name is None else set()
    assert {one for one in stubs if not one.startswith("_")} - types == offered - {"__name__"}


@pytest.mark.parametrize(
    ("docstring", "names"),
    [
        ("A HIL Alarm.", ("Alarm",)),
        ("A HIL TemperatureSensor; the result comes later.\n\nA HIL Led.", ("TemperatureSensor",)),
        ("One of the alarms; a HIL Alarm itself.", ("Alarm",)),
        ("A HIL Uart and a HIL Led: both.", ("Uart", "Led")),
        ("Shares a HIL Uart among devices.", ()),
        ("Nothing.", ()),
        ("", ()),
    ],
)
def test_a_claim_to_be_a_hil_stands_in_the_first_line(docstring: str, names: tuple[str, ...]) -> None:
    assert typecheck.claims(docstring) == names


def test_the_facts_of_a_process_that_the_stub_names_are_those_of_c() -> None:
    text = (ROOT / "firmware/objects/process_control.c").read_text()
    table = text.partition(" facts[] = {")[2].partition("};")[0]
    stub = (ROOT / "firmware/stubs/kernel.pyi").read_text().partition("_Fact = Literal[")[2].partition("]")[0]
    assert set(re.findall(r"FACT(?:_AS)?\((\w+)", table)) == set(re.findall(r'"(\w+)"', stub)) != set()
