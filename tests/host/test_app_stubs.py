"""The stubs and the reference of the Python apps' library say what its modules have."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from app_library import library

from adder.apps.app_stubs import INTERNAL, LIBRARY, REFERENCE, STUBS, modules, outputs, stub
from adder.apps.drivers import DRIVERS
from adder.board import ROOT
from adder.build.prepared import with_prepared
from adder.errors import AdderError

DRIVERS_OF_SENSORS = (
    "temperature", "humidity", "ambient_light", "proximity", "pressure", "sound_pressure", "distance", "moisture",
    "rainfall",
)  # fmt: skip


def test_stubs_and_reference_are_those_of_the_library() -> None:
    for path, text in outputs().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)} is out of date; run `make reference`"
    there = {path for path in (STUBS / "adder").iterdir() if path.suffix == ".pyi"}
    assert there == {path for path in outputs() if path.suffix == ".pyi"}


def test_the_references_examples_are_python_and_its_paragraphs_are_whole() -> None:
    text = outputs()[REFERENCE]
    examples = re.findall(r"(?ms)^```python\n(.*?)^```$", text)
    assert len(examples) > 12
    for example in examples:
        ast.parse(example)
    prose = re.sub(r"(?ms)^```python\n.*?^```$", "", text)
    for paragraph in re.split(r"\n\s*\n", prose):
        first, last = paragraph.strip().splitlines()[0], paragraph.strip().splitlines()[-1]
        if not first.startswith(("#", "|")):
            assert not re.match(r"(from \w+ )?import |[a-z_.]+\(", first), f"an example outside of a block: {paragraph}"
            assert last.endswith((".", ":")), f"a sentence that is cut: {paragraph}"


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[str, object]]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    missing = [inspect.Parameter.empty] * (len(named) - len(arguments.defaults))
    defaults = [*missing, *(ast.unparse(default) for default in arguments.defaults)]
    return [(argument.arg, default) for argument, default in zip(named, defaults, strict=True)]


def check(real: object, said: ast.Module | ast.ClassDef, where: str) -> int:
    """Every public name that the object has is in the stub, and the other way round, with the same signature."""
    functions = {n.name: n for n in said.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    classes = {n.name: n for n in said.body if isinstance(n, ast.ClassDef)}
    values = {n.target.id for n in said.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    again = {a.name for n in said.body if isinstance(n, ast.ImportFrom) and n.module == "time" for a in n.names}
    own = {
        name: value
        for name, value in vars(real).items()
        if (not name.startswith("_") or name == "__init__")
        and not inspect.ismodule(value)
        and (name in again or getattr(value, "__module__", "adder.").startswith("adder."))
        and name not in ("command", "addressof")
    }
    attributes = values if isinstance(said, ast.ClassDef) else set()  # of its objects, not of the class
    assert own.keys() == functions.keys() | classes.keys() | (values - attributes) | again, where
    checked = 0
    for name, value in own.items():
        if inspect.isclass(value):
            checked += check(value, classes[name], f"{where}.{name}")
        elif inspect.isfunction(value) and name in functions:
            found = [
                (p.name, p.default if p.default is inspect.Parameter.empty else repr(p.default))
                for p in inspect.signature(value).parameters.values()
            ]
            told = parameters(functions[name])
            names = {"PULL_NONE": "0", "EITHER": "0", "CRC_32": "0"}
            assert found == [(one, names.get(str(default), default)) for one, default in told], f"{where}.{name}"
            assert inspect.iscoroutinefunction(value) == isinstance(functions[name], ast.AsyncFunctionDef)
            checked += 1
    return checked


def test_the_arguments_that_have_no_names_in_the_image_have_none_in_the_stub() -> None:
    for name in modules():
        prepared = with_prepared((LIBRARY / f"{name}.py").read_text())
        for node in ast.parse(stub(name)).body:
            if isinstance(node, ast.FunctionDef) and (node.args.args or node.args.posonlyargs):
                assert bool(node.args.posonlyargs) == (f"\n{node.name} = prepared(" in prepared), f"{name}.{node.name}"
    assert "def on(led: int = 0, /) -> None:" in stub("led")


def defined(tree: ast.Module) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions, and methods as `Class.name`."""
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for klass in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for node in klass.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{klass.name}.{node.name}"] = node
    return found


def test_the_arguments_of_asyncio_have_the_names_that_its_stub_says() -> None:
    ours: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
    for path in (LIBRARY.parent / "asyncio").glob("*.py"):
        ours |= defined(ast.parse(path.read_text().replace("class Stream:", "class StreamReader:")))
    told = defined(ast.parse((STUBS / "asyncio" / "__init__.pyi").read_text()))
    for name, node in told.items():
        if not name.startswith("Task."):  # in C, whose methods take nothing
            arguments = [one.arg for one in node.args.args if one.arg != "self"]
            assert name in ours or not arguments, f"{name} is in C: its arguments have no names"
            real = [one.arg for one in ours[name].args.args if one.arg != "self"] if name in ours else []
            assert real[: len(arguments)] == arguments, name
    assert "wait_for" in told
    assert "StreamReader.readinto" in told


def test_each_public_name_of_each_module_is_in_its_stub_with_its_signature() -> None:
    texts = {name: ast.parse((STUBS / "adder" / f"{name}.pyi").read_text()) for name in modules()}
    with library():
        checked = sum(check(importlib.import_module(f"adder.{name}"), text, name) for name, text in texts.items())
    assert checked > 45


def test_the_reference_names_driver_and_permission_of_each_module() -> None:
    assert len(list(modules())) > 5
    for name in modules():
        text = " ".join((ast.get_docstring(ast.parse(stub(name))) or "").split())
        if name == "sensors":
            assert all(f"`{sensor}`" in text for sensor in DRIVERS_OF_SENSORS)
            assert all(unit in text for unit in ("degrees Celsius", "percent", "lux", "hectopascal"))
            continue
        number, permission = text.partition("(driver ")[2].partition(")")[0].split(", permission ")
        assert DRIVERS[permission.strip('"')] == int(number, 16), name


@pytest.mark.parametrize(
    "text",
    ["def f(x): ...", "def f(x: int): ...", "def f(*x: int) -> None: ...", "X = f()", "class A:\n    def f(self): ..."],
)
def test_what_is_not_annotated_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("adder.apps.app_stubs.LIBRARY", tmp_path)
    (tmp_path / "new.py").write_text(text)
    assert modules() == ["new"]
    with pytest.raises(AdderError, match=r"adder\.new"):
        stub("new")


def mypy(folder: Path) -> str:
    (folder / "mypy.ini").write_text(f"[mypy]\ncheck_untyped_defs = True\nmypy_path = {STUBS}\n")
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "cache", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_mypy_accepts_every_example_app_and_the_stubs_and_finds_what_is_wrong(tmp_path: Path) -> None:
    sources = [
        *(ROOT / "apps").glob("*.py"),
        *(ROOT / "tests" / "apps").glob("*.py"),
        *(ROOT / "renode" / "tests" / "apps").glob("*.py"),
    ]
    for path in sources:
        if path.stem != "misbehave":  # which does what no type allows
            (tmp_path / f"app_{path.stem}.py").write_text(path.read_text())
    (tmp_path / "app_new.py").write_text(
        (ROOT / "adder" / "templates" / "app" / "python" / "main.py.in").read_text().replace("$name", "x")
    )
    wrong = {
        "led.on('red')": "arg-type",
        "led.blink()": "attr-defined",
        "storage.write(0, 'text')": "arg-type",
        "x: str = sensors.temperature.read()": "assignment",
        "time.localtime()": "attr-defined",
        "syscall.yield_wait_for(1)": "call-arg",
    }
    lines = ["import syscall, time", "from adder import led, sensors, storage", *wrong]
    (tmp_path / "wrong.py").write_text("\n".join(lines) + "\n")
    found = [line for line in mypy(tmp_path).splitlines() if ": error: " in line]
    assert len(found) == len(wrong), found
    for (line, kind), (number, text) in zip(wrong.items(), enumerate(found, 3), strict=True):
        assert (text[: len(f"wrong.py:{number}")], text.rpartition("  ")[2]) == (f"wrong.py:{number}", f"[{kind}]"), (
            line
        )


def test_a_module_that_is_none_of_an_apps_business_is_named_as_such() -> None:
    assert {path.stem for path in LIBRARY.glob("*.py")} == {*modules(), *INTERNAL}
