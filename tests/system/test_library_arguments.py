"""Every function of the Python library, called with what it cannot take: it says a sentence, and never waits for ever.

The calls are made of the library's own stubs, as the reference is: a function that is added is called here, too.
"""

import ast
import re
from collections.abc import Iterator

from adder.apps import app_stubs

ODD = {
    "int": ["-1", "0", "2**31", "2**40", "-2**40", "'x'", "None", "1.5"],
    "float": ["-1", "0", "2**40", "'x'", "None"],
    "str": ["''", "'no such app'", "5", "None", "b'x'", "'x' * 300"],
    "bytes": ["b''", "'text'", "5", "-1", "None"],
    "bytearray": ["b''", "'text'", "5", "None"],
    "Any": ["None", "-1", "'text'"],
    "Callable": ["5", "'x'"],
    "bool": ["5", "None", "'x'"],
}
"""What a parameter of a type is given."""

GOOD = {
    "int": "0",
    "float": "0",
    "str": "'odd'",
    "bytes": "b'x'",
    "bytearray": "None",
    "Any": "b'x'",
    "Callable": "None",
    "bool": "False",
}
"""What it is given while it is another one's turn."""

OBJECTS = {
    "Pin": "gpio.Pin(0)",
    "Client": "ipc.Client('odd', 32)",
    "Service": "service",
    "Sensor": "sensors.temperature",
    "Axes": "ninedof.acceleration",
    "Blocks": "syscall.Blocks(512)",
}
"""On what methods are called, by class."""

WAITS = re.compile(
    r"button\.(wait_)?(pressed|released)\(0\)|edge\(0\)"  # there is such a button, and nobody presses it
    r"|yield_wait\(-1\)|yield_wait_for\("  # the kernel's own waits, of which any can be for ever
    r"|repl\.run\(|repl\.read_line\(b?'"  # for somebody who types
)


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The type of each, without what is said of it behind `[` or `|`."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    return [re.split(r"[\[ ]", ast.unparse(a.annotation))[0] for a in arguments if a.annotation is not None]


def functions(module: str, text: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """How each function and method of a stub is called."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module}.{node.name}", node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    made = inner.name == "__init__"
                    yield f"{module}.{node.name}" if made else f"{OBJECTS[node.name]}.{inner.name}", inner


def calls() -> list[tuple[bool, str]]:
    """Whether it is awaited, and the call."""
    stubs = {name: app_stubs.stub(name) for name in app_stubs.modules()}
    stubs |= {name: (app_stubs.STUBS / f"{name}.pyi").read_text() for name in app_stubs.BY_HAND}
    found = []
    for module, text in stubs.items():
        for path, function in functions(module, text):
            awaited = isinstance(function, ast.AsyncFunctionDef) or "Awaitable" in ast.unparse(
                function.returns or function
            )
            types = parameters(function)
            for at, kind in enumerate(types):
                for odd in ODD[kind]:
                    given = [GOOD[other] for other in types]
                    given[at] = odd
                    found.append((awaited, f"{path}({', '.join(given)})"))
    return [(awaited, call) for awaited, call in found if not WAITS.search(call)]


def test_every_function_says_a_sentence_about_arguments_that_it_cannot_take(simulation, python_app) -> None:
    made = calls()
    shown = "".join(f"show({call!r}, {awaited}, lambda: {call})\n" for awaited, call in made)
    app = python_app(
        f"""
import asyncio, gc, repl, syscall
from adder import {", ".join(app_stubs.modules())}
service = ipc.Service("odd")
async def within_a_second(call):
    return await asyncio.wait_for(call(), 1)
def show(text, awaited, call):
    gc.collect()
    try:
        result = asyncio.run(within_a_second(call)) if awaited else call()
        print("\\n=", text, "->", repr(result)[:40])
    except Exception as error:
        print("\\n=", text, "!!", type(error).__name__, str(error.args[-1])[:100] if error.args else "")
{shown}
print("all called")
""",
        name="odd",
        ram="98304",
        stack=8192,
    )
    with simulation(app) as board:
        board.expect("^all called", timeout=120)
        lines = [line for line in board.transcript.replace("\r", "").split("\n") if line.startswith("= ")]
    assert [line.split(" -> ")[0].split(" !! ")[0][2:] for line in lines] == [call for _, call in made]
    silent = [line for line in lines if " !! " in line and len(line.split(" !! ")[1].split()) < 4]
    assert not silent, "\n".join(silent)
    refused = [line for line in lines if re.search(r"\(-1\)|2\*\*40|'x'\)|None\)", line)]
    assert len([line for line in refused if " !! " in line]) > 0.8 * len(refused)
    told = dict(re.split(" !! | -> ", line[2:], maxsplit=1) for line in lines)
    for call in ("console.read(-1)", "rng.read(-1)", "rng.get(-1)", "storage.read(0, -1)", "storage.read(-1, 0)"):
        assert told[call] == "ValueError a number from 0 on is wanted"
    assert told["led.on(2**40)"] == "OverflowError a number of 32 bits is wanted", "it was LED 0"
    assert told["led.on(-1)"] == "SyscallError INVAL: command 1 of driver 0x2 (led): it does not take these arguments"
