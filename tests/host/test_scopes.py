"""Which code of a frozen image is whose: names that others have chosen deceive nobody."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from adder import mpy_cross
from adder.build.freeze import Module, file_of, for_wiring, made_while_wiring
from adder.build.scopes import Scope, scopes
from adder.errors import AdderError

TOOL = Path("build/micropython/tools/mpy-tool.py")
WIRING = 'section(".wiring'

VICTIM = """
class Console:
    def __init__(self):
        self.sent = [number for number in (1, 2)]
    def _write(self):
        return 1
    def first(self):
        return lambda: 2
def helper():
    return 3
"""


def tool() -> Path:
    """MicroPython's mpy-tool.py; a checkout that shares its source says where that is."""
    record = Path("build/.micropython")
    return Path(record.read_text().strip()) / "tools" / "mpy-tool.py" if record.is_file() else TOOL


def frozen(folder: Path, texts: dict[str, str], emit: str) -> tuple[str, dict[str, Scope], list[Module]]:
    """C as mpy-tool.py writes it, the scopes, and the modules."""
    modules, compiled = [], []
    for name, text in sorted(texts.items()):
        path = folder / f"{name}.py"
        path.write_text(text)
        mpy = folder / f"{name}.mpy"
        ran = mpy_cross.run(mpy_cross.command("armv7emsp", "3", file_of(name), mpy, emit), path)
        assert ran.returncode == 0, ran.stderr
        modules.append(Module(name, path, text, ast.parse(text)))
        compiled.append(mpy)
    found = scopes(tool(), compiled)
    line = [sys.executable, str(tool()), "-f", *map(str, compiled)]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout, found, modules


def in_wiring(text: str, symbol: str) -> bool:
    """Whether the code that mpy-tool.py calls so is left out of a wired kernel."""
    line = next(line for line in text.splitlines() if line.startswith(f"static const byte fun_data_{symbol}["))
    return WIRING in line


def left_out(folder: Path, texts: dict[str, str], module: str, emit: str) -> set[str]:
    """The functions and classes of a module whose code a wired kernel does not have, by their readable names."""
    text, found, modules = frozen(folder, texts, emit)
    text = for_wiring(text, modules, found, restarts=False)
    names = found[file_of(module)].readable([])
    return {name for scope, name in names if in_wiring(text, scope.symbol)}


NAMED_TO_DECEIVE = {
    "a_Console": "class _write:\n    pass\nclass __init__:\n    pass\nclass first:\n    pass\n",
    "a_helper": "class __lt_lambda_gt_:\n    pass\n",
    "a_Console_first": "class _lt_lambda_gt_:\n    def __init__(self):\n        self.x = 1\n",
    "a__lt_module_gt_": "class Console:\n    pass\n",
}


@pytest.mark.parametrize("emit", ["native", "bytecode"])
@pytest.mark.parametrize("beside", sorted(NAMED_TO_DECEIVE))
def test_another_modules_names_change_nothing_that_is_left_out(tmp_path, beside, emit) -> None:
    alone = left_out(tmp_path, {"a": VICTIM}, "a", emit)
    assert alone == {"Console", "Console.__init__", "Console.__init__.<listcomp>"}
    assert left_out(tmp_path, {"a": VICTIM, beside: NAMED_TO_DECEIVE[beside]}, "a", emit) == alone


@pytest.mark.parametrize("emit", ["native", "bytecode"])
def test_a_method_may_be_called_as_a_part_of_its_classs_code_is(tmp_path, emit) -> None:
    text = VICTIM.replace("_write", "prelude")
    code, found, modules = frozen(tmp_path, {"a": text}, emit)
    [console] = [scope for scope, name in found[file_of("a")].readable([]) if name == "Console"]
    lines = for_wiring(code, modules, found, restarts=False).splitlines()
    named = [line for line in lines if line.startswith(f"static const byte fun_data_{console.symbol}_prelude[")]
    assert named
    assert not any(WIRING in line for line in named)


def test_a_name_that_is_defined_twice_stays(tmp_path) -> None:
    twice = VICTIM.replace("def helper():", "class helper:\n    pass\ndef helper():")
    assert "helper" not in left_out(tmp_path, {"a": twice}, "a", "native")


@pytest.mark.parametrize("name", ["prelude", "macro", "prelude_macro", "fun_data", "children", "lt_module_gt"])
@pytest.mark.parametrize("emit", ["native", "bytecode"])
def test_a_function_may_have_a_name_that_mpy_tool_gives_to_parts(tmp_path, name, emit) -> None:
    text = VICTIM.replace("_write", name).replace("helper", name)
    assert left_out(tmp_path, {"a": text}, "a", emit) == {"Console", "Console.__init__", "Console.__init__.<listcomp>"}


def test_modules_whose_names_would_be_one_in_the_image_are_refused(tmp_path) -> None:
    with pytest.raises(AdderError, match=r"a/b\.py and a_b\.py would have one name"):
        frozen(tmp_path, {"a.b": "x = 1\n", "a_b": "x = 1\n"}, "native")


def test_functions_of_machine_words_are_named_in_the_order_of_the_source() -> None:
    file = "a/b.py"
    led = Scope("s1", "Led", [Scope("s2", "on"), Scope("s3", file), Scope("s4", file, [Scope("s5", "<lambda>")])])
    names = {scope.symbol: name for scope, name in Scope("s0", "<module>", [led, Scope("s6", file)]).readable(
        ["Led.off", "Led.command", "count"])}  # fmt: skip
    assert names == {"s1": "Led", "s2": "Led.on", "s3": "Led.off", "s4": "Led.command", "s5": "Led.command.<lambda>",
                     "s6": "count"}  # fmt: skip


def test_a_class_that_a_function_names_is_made_later_too() -> None:
    text = "class A:\n    def __init__(self):\n        self.x = 1\nclass B:\n    def go(self):\n        return A()\n"
    module = Module("a", Path("a.py"), text, ast.parse(text))
    assert [node.name for node in made_while_wiring([module])] == ["B"]
