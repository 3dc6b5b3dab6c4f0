"""What the stubs of the modules in C, and of MicroPython's own, say is there, is there in the image."""

import ast
import re
from pathlib import Path

from adder.apps.app_stubs import INTERNAL_OF_SYSCALL, STUBS
from adder.board import ROOT

HAND = [path for path in sorted(STUBS.rglob("*.pyi")) if path.parent.name != "adder"]
ONLY_HERE = {"micropython": {"native", "viper"}}
"""Decorators that only the compiler knows."""


def module_of(path: Path) -> str:
    return path.parent.name if path.stem == "__init__" else path.stem


def names(body: list[ast.stmt]) -> list[str]:
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(node.target.id)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.append(node.targets[0].id)
    return [name for name in found if not name.startswith("_")]


def test_the_image_has_every_name_of_the_stubs_and_syscall_no_other(simulation, python_app) -> None:
    told = {}
    for path in HAND:
        tree = ast.parse(path.read_text())
        told[module_of(path)] = [name for name in names(tree.body) if name not in ONLY_HERE.get(module_of(path), ())]
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.bases:
                # What an object gets in __init__ is not a name of the class.
                methods = [n.name for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
                told[f"{module_of(path)}.{node.name}"] = [name for name in methods if not name.startswith("_")]
    lines = "".join(f"ask({module!r}, {' '.join(expected)!r})\n" for module, expected in told.items() if expected)
    app = python_app(
        f"""
import asyncio, gc, micropython, repl, syscall, time, uctypes
def ask(path, expected):
    thing = globals()[path.split(".")[0]]
    for part in path.split(".")[1:]:
        thing = getattr(thing, part)
    print(path, [name for name in expected.split() if not hasattr(thing, name)])
{lines}
print("more:", [name for name in dir(syscall) if not name.startswith("__") and name not in {told["syscall"]!r}])
""",
        ram="32768",
    )
    with simulation(app) as board:
        board.expect("more: (.*)\r", timeout=20)
        shown = board.transcript
    assert f"more: {list(INTERNAL_OF_SYSCALL)}" in shown
    for module, expected in told.items():
        assert not expected or f"{module} []" in shown, shown


def test_the_default_settings_are_enough_to_use_each_module(simulation, python_app) -> None:
    # The stack's margin once grew for the kernel's sake, and took what an import needs.
    uses = {
        "ipc": "from adder import ipc\nservice = ipc.Service('ipc')",
        "rng": "from adder import rng\nlen(rng.read(4))",
        "sensors": "from adder import sensors\nsensors.temperature.read()",
        "storage": "from adder import storage\nstorage.read(0, 4)",
        "tasks": "import asyncio\nfrom adder import alarm\nasyncio.run(alarm.sleep_ms(1))",
        "pins": "from adder import button, gpio, led\ngpio.Pin(0).input()\nled.toggle(0)",
        "bus": "from adder import date_time, i2c\ni2c.read(0x48, 2)\ndate_time.read()",
        "digests": "from adder import crc, hmac, sha\nhmac.compute(sha.compute(b''), b'x')\ncrc.compute(b'x')",
        "axes": "from adder import ninedof\nninedof.rotation.read()",
        "json": "import json\njson.loads('[[[[1]]]]')",
    }
    apps = [python_app(f"{text}\nprint('{name}: fine')", name=name) for name, text in uses.items()]
    with simulation(*apps) as board:
        board.expect_all(*(f"^{name}: fine" for name in uses))


# -- What a module takes ---------------------------------------------------------

USES = {
    "adder.led": "led.toggle(0)",
    "adder.button": "button.is_pressed(0)",
    "adder.alarm": "alarm.frequency()",
    "adder.console": "console.write(b'')",
    "adder.gpio": "gpio.Pin(0).output()",
    "adder.sensors": "sensors.temperature.read()",
    "adder.rng": "rng.read(4)",
    "adder.storage": "storage.write(0, b'x')",
    "adder.i2c": "i2c.read(0x48, 2)",
    "adder.date_time": "date_time.read()",
    "adder.spi": "spi.read(1)",
    "adder.ninedof": "ninedof.rotation.read()",
    "adder.crc": "crc.compute(b'x')",
    "adder.sha": "sha.compute(b'x')",
    "adder.hmac": "hmac.compute(b'x', b'x')",
    "adder.eui64": "eui64.read()",
    "adder.adc": "adc.read(0)",
    "adder.pwm": "pwm.count()",
    "adder.buzzer": "buzzer.tone(440, 1)",
    "adder.servo": "servo.count()",
    "adder.ipc": "ipc.Service('adder.ipc')",
    "asyncio": "asyncio.gather, asyncio.Lock, asyncio.Event, asyncio.StreamReader",
    "json": "json.loads('[1]')",
    "random": "random.random()",
    "re": "re.match('a*', 'aa')",
}
"""Modules of the table in docs/python-apps.md, each with a first use."""


def test_the_docs_say_how_much_of_the_heap_each_module_takes(simulation, python_app) -> None:
    measured = {}
    modules = list(USES)
    for some in (modules[:9], modules[9:18], modules[18:]):
        apps = []
        for module in some:
            package, _, name = module.rpartition(".")
            imported = f"from {package} import {name}" if package else f"import {name}"
            text = f"""
import gc
def free():
    gc.collect()
    return gc.mem_free()
begin = free()
{imported}
imported = begin - free()
{USES[module]}
used = begin - free()
print("{module} takes", imported, used)
"""
            apps.append(python_app(text, name=module, ram="16384"))
        with simulation(*apps) as board:
            board.expect_all(*(rf"^{re.escape(module)} takes \d+ \d+\r" for module in some))
            for module, *numbers in re.findall(r"^(\S+) takes (\d+) (\d+)\r", board.transcript, re.MULTILINE):
                measured[module] = numbers
    rows = [f"| `{module}` | {int(measured[module][0]):,} | {int(measured[module][1]):,} |" for module in modules]
    text = (ROOT / "docs" / "python-apps.md").read_text()
    assert "\n".join(rows) in text, "the table is\n" + "\n".join(rows)


def test_no_number_of_a_block_however_large_is_another_blocks(simulation, python_app) -> None:
    app = python_app(
        """
import syscall
blocks = syscall.Blocks(4096)
print("kept", [blocks.writeblocks(n, bytes([n + 1]) * 512) for n in range(8)])
apart = (-512, -8, -1, 0, 1, 8, 512)
numbers = (sign * (1 << power) + more for sign in (1, -1) for power in range(3, 33) for more in apart)
wrong = 0
def tried(call, block, data, offset):
    global wrong
    if 0 <= block * 512 + offset <= 4096 - len(data) and block >= 0 <= offset:
        return
    try:
        wrong += call(block, data, offset) == 0
    except OverflowError:
        pass
for number in numbers:
    for call, data in ((blocks.readblocks, bytearray(4)), (blocks.writeblocks, b"evil")):
        for place in ((number, 0), (0, number), (1, number), (number, -number), (number, number), (8, number)):
            tried(call, place[0], data, place[1])
found = bytearray(512)
for n in range(8):
    wrong += blocks.readblocks(n, found) != 0 or found != bytes([n + 1]) * 512
wrong += blocks.readblocks(7, memoryview(found)[:2], 510) != 0
print("wrong", wrong)
""",
        storage="{write_id = 7}",
    )
    with simulation(app) as board:
        board.expect(r"wrong 0\r", timeout=30)


def test_a_file_system_gets_no_answer_that_an_interrupted_storage_call_has_left(simulation, python_app) -> None:
    # Both ask one driver, and its upcall says nothing of what it answers.
    app = python_app(
        """
import syscall, time
from adder import storage
def stop(*_):
    raise KeyboardInterrupt
syscall.subscribe(0, 0, stop)
blocks = syscall.Blocks(8192)
for block in range(16):
    blocks.writeblocks(block, bytes([block + 1]) * 512)
interrupted = failed = wrong = 0
for turn in range(48):
    block = turn % 16
    syscall.command(0, 5, 0)  # comes before the answer
    try:
        storage.read(0, 100) if turn & 1 else storage.write(512 * block, bytes([block + 1]) * 100)
    except KeyboardInterrupt:
        interrupted += 1
    begin = time.ticks_us()
    while time.ticks_diff(time.ticks_us(), begin) < 100 * turn:
        pass
    found = bytearray(512)
    failed += blocks.readblocks(block, found) != 0
    wrong += found != bytes([block + 1]) * 512
print("interrupted", interrupted, "failed", failed, "wrong", wrong)
""",
        ram="24576",
        storage="{write_id = 7}",
    )
    with simulation(app) as board:
        board.expect("interrupted 48 failed 0 wrong 0\r", timeout=20)


def test_a_file_system_in_a_handler_within_a_storage_call_is_busy_and_takes_no_answer(simulation, python_app) -> None:
    app = python_app(
        """
import errno, syscall, time
from adder import storage
blocks = syscall.Blocks(8192)
for block in range(16):
    blocks.writeblocks(block, bytes([block + 1]) * 512)
found = bytearray(512)
answers = {}
def within(*_):
    if turn % 3:
        answer = blocks.readblocks(turn % 16, found)
    else:
        answer = blocks.writeblocks(turn % 16, bytes([turn % 16 + 1]) * 512)
    answers[answer] = answers.get(answer, 0) + 1
wrong = 0
for turn in range(48):
    block = turn % 16
    syscall.subscribe(0, 0, within)
    syscall.command(0, 5, 0)  # comes before the answer
    if turn & 1:
        wrong += storage.read(512 * block + 7, 300) != bytes([block + 1]) * 300
    else:
        wrong += storage.write(512 * block, bytes([block + 1]) * 100) != 100
    time.sleep_ms(2)
    wrong += blocks.readblocks(block, found) != 0 or found != bytes([block + 1]) * 512
print("answers", answers == {-errno.EBUSY: 48} or answers, "wrong", wrong)
import vfs
vfs.VfsLfs2.mkfs(blocks)
files = vfs.VfsLfs2(blocks)
def within(*_):
    global said
    try:
        files.open("within", "w")
    except OSError as e:
        said = e
syscall.subscribe(0, 0, within)
syscall.command(0, 5, 0)
storage.read(0, 100)
print("said", said, errno.errorcode[said.errno])
with files.open("after", "w") as file:
    file.write("all is well")
print("then", files.open("after", "r").read())
""",
        ram="24576",
        storage="{write_id = 7}",
    )
    with simulation(app) as board:
        board.expect(r"answers (.*)\r", timeout=20)
        assert "answers True wrong 0" in board.transcript
        board.expect(r"said \[Errno 16\] EBUSY EBUSY\r")
        board.expect("then all is well\r")


def test_a_view_of_bytes_shows_what_it_was_made_of_and_keeps_it(simulation, python_app) -> None:
    app = python_app(
        """
import gc, syscall
from array import array
def views():
    yield lambda: bytearray(b"A" * 200)
    yield lambda: bytes(b"A" * 200)
    yield lambda: array("I", [0x41414141] * 50)
    yield lambda: memoryview(bytearray(b"A" * 200))
    yield lambda: memoryview(bytearray(b"B" * 100 + b"A" * 200))[100:]
    yield lambda: memoryview(b"B" * 100 + b"A" * 200)[100:]
    yield lambda: memoryview(memoryview(b"B" * 100 + b"A" * 200)[50:])[50:]
    yield lambda: memoryview(memoryview(array("I", [0] * 50 + [0x41414141] * 50))[40:])[10:]
    yield lambda: syscall.bytes_of(memoryview(array("H", [0] * 50 + [0x4141] * 100))[50:])
for make in views():
    view = syscall.bytes_of(make())
    gc.collect()
    others = [bytes([n]) * 200 for n in range(20)]
    print("kept", len(view), set(view) == {0x41})
    del others
""",
        ram=24576,
    )
    with simulation(app) as board:
        for _ in range(9):
            board.expect(r"^kept 200 True\r")
