"""How apps end, and how those that may not speak are spoken for: one line of the kernel's each."""

import re
from pathlib import Path

from adder.apps.drivers import DRIVERS, parse_permissions
from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.board import ROOT


def said_of(board, app: str) -> list[str]:
    """What the kernel says of an app, except for where it lies."""
    lines = re.findall(rf"^app {app}: (.*?)\r?$", board.transcript, re.MULTILINE)
    return [line for line in lines if not line.startswith("slot")]


def permitted(path: Path, app: str, *permissions: str) -> Path:
    """A program of build/apps, allowed to use these drivers alone."""
    elf = (ROOT / "build" / "apps" / f"{app}.elf").read_bytes()
    path.write_bytes(elf_to_tbf(elf, Options(name=app, permissions=parse_permissions(permissions))).encode())
    return path


def test_the_code_of_an_app_that_ends_is_shown_once_whichever_way_it_ends(simulation, python_app) -> None:
    ends = {
        "falls": ("pass", "ended with code 0"),
        "says7": ("import sys\nsys.exit(7)", "ended with code 7"),
        "negative": ("import sys\nsys.exit(-1)", "ended with code -1"),
        "text": ("import sys\nsys.exit('no reason')", "ended with code 1"),
        "by-another": ("import time\ntime.sleep(1000)", "ended with code 0"),
    }
    apps = [python_app(text, name=name) for name, (text, _) in ends.items()]
    # 0x10002: process info, whose command 6 with 4 ends a process.
    killer = python_app(
        """
import struct, syscall, time
time.sleep_ms(200)
ids, name = bytearray(40), bytearray(16)
syscall.allow_rw(0x10002, 0, ids)
count = syscall.command(0x10002, 2)
syscall.allow_rw(0x10002, 0, name)
for one in struct.unpack("<%dI" % count, ids[: 4 * count]):
    if name[: syscall.command(0x10002, 4, one)] == b"by-another":
        syscall.command(0x10002, 6, one, 4)
print("killed")
time.sleep(1000)
""",
        name="killer",
    )
    with simulation("exits-return", "exits-restart", *apps, killer) as board:
        board.expect("killed")
        board.run(1)
        for name, (_, line) in ends.items():
            assert said_of(board, name) == [line], name
        assert said_of(board, "exits-return") == ["ended with code 3"]
        assert said_of(board, "exits-restart") == said_of(board, "killer") == []
        assert "no reason" in board.transcript


def test_what_an_app_prints_without_permission_is_said_once_however_often_it_prints_and_begins(
    simulation, python_app, tmp_path
) -> None:
    mute = python_app(
        "import syscall, time\nfor i in range(3):\n    print(i)\n    time.sleep_ms(10)\nsyscall.restart()",
        name="mute",
        permissions='["alarm"]',
    )
    asks = python_app("input('who? ')", name="asks", permissions='["alarm", {driver = "console", commands = [2]}]')
    writes = python_app("print('heard')", name="writes", permissions='["alarm", {driver = 1, commands = [0, 1]}]')
    silent = python_app("import time\ntime.sleep_ms(100)", name="silent", permissions='["alarm"]')
    in_c = permitted(tmp_path / "hello.tbf", "hello", "alarm")
    with simulation(mute, asks, writes, silent, in_c) as board:
        board.run(2)
        lost = "what it prints is not shown; its permissions lack 'console'"
        assert said_of(board, "mute") == [lost]
        assert said_of(board, "asks") == [lost]
        assert lost in said_of(board, "hello")
        assert said_of(board, "hello").count(lost) == 1
        assert lost not in said_of(board, "writes") + said_of(board, "silent")
        assert "heard" in board.transcript


USES = {
    "alarm": ["alarm.frequency()", "time.sleep_ms(1)", "time.ticks_ms()", "asyncio.run(alarm.sleep_ms(1))"],
    "led": ["led.count()", "led.on()", "led.off()", "led.toggle()", "led.is_on()"],
    "button": ["button.count()", "button.is_pressed()", "button.wait_pressed()", "asyncio.run(button.pressed())"],
    "gpio": ["gpio.count()", "gpio.Pin(0).output()", "gpio.Pin(0).read()", "gpio.Pin(0).wait_edge()"],
    "temperature": ["sensors.temperature.read()", "asyncio.run(sensors.temperature.get())"],
    "rng": ["rng.read(4)", "os.urandom(4)", "asyncio.run(rng.get(4))"],
    "nonvolatile_storage": ["storage.size()", "storage.read(0, 4)", "storage.write(0, b'x')"],
    "i2c": ["i2c.read(0x48, 1)", "i2c.scan()", "asyncio.run(i2c.send(0x48, b'x'))"],
    "spi": ["spi.read(1)", "spi.configure(1_000_000)", "asyncio.run(spi.send(b'x'))"],
    "date_time": ["date_time.read()", "date_time.set(2026, 1, 1)", "asyncio.run(date_time.get())"],
    "ipc": ["ipc.find('x')", "ipc.Client('x')", "ipc.Service('x')"],
}
"""A module's permission, and calls that need it."""


def test_every_module_says_permission_where_the_kernel_says_no_device(simulation, python_app) -> None:
    calls = [(name, call) for name, calls in USES.items() for call in calls]
    lines = "".join(f"tell({name!r}, lambda: {call})\n" for name, call in calls)
    text = f"""
import asyncio, os, syscall, time
from adder import alarm, button, date_time, gpio, i2c, ipc, led, rng, sensors, spi, storage
def tell(name, call):
    try:
        call()
        print("no error:", name)
    except syscall.SyscallError as error:
        print(name, error.errno, "needs the permission '%s' in" % name in str(error), error)
{lines}
for number in NUMBERS:
    tell("the driver %x" % number, lambda: syscall.command(number, 1))
print("all asked")
"""
    numbers = [number for name, number in DRIVERS.items() if name != "console"]
    app = python_app(text.replace("NUMBERS", str(numbers)), permissions='["console"]', ram='"40K"')
    with_time = python_app(text.replace("NUMBERS", "[]"), name="timed", permissions='["console", "alarm"]', ram='"40K"')
    with simulation(with_time) as board:  # asyncio needs the alarm
        board.expect("all asked", timeout=30)
        told = re.findall(r"^(\w+) 11 True", board.transcript, re.MULTILINE)
        assert told == [name for name, _ in calls if name != "alarm"], board.transcript
    with simulation(app) as board:
        board.expect("all asked", timeout=30)
        told = re.findall(r"^(\w+) 11 True", board.transcript, re.MULTILINE)
        assert told == [name for name, call in calls if name == "alarm" or "asyncio" not in call], board.transcript
        named = re.findall(
            r"^the driver (\w+) 11 False .* needs the permission '(\w+)'", board.transcript, re.MULTILINE
        )
        assert {name: int(number, 16) for number, name in named} == {
            name: number for name, number in DRIVERS.items() if name != "console"
        }


def test_what_is_not_there_is_not_called_a_permission(simulation, python_app) -> None:
    app = python_app(
        """
import syscall
from adder import ipc, sensors
def tell(call):
    try:
        call()
    except syscall.SyscallError as error:
        print("says:", error)
tell(sensors.Sensor(0x90001, "of none").read)
tell(lambda: ipc.find("nobody"))
tell(lambda: syscall.command(0x70001, 1))
tell(lambda: syscall.subscribe(0x90001, 0, None))
tell(lambda: syscall.command(0x70002, 1))
""",
        permissions='["console", "screen", "ipc", 0x70001]',
    )
    with simulation(app) as board:
        for text in (
            "NODEVICE: subscribe 0 of driver 0x90001: this board has no screen",
            "no app named 'nobody' runs",
            "NODEVICE: command 1 of driver 0x70001: this board has no such driver",
            "NODEVICE: subscribe 0 of driver 0x90001: this board has no screen",
            "NODEVICE: command 1 of driver 0x70002 needs the permission 0x70002 in the app's settings",
        ):
            assert text in board.expect(r"says: (.*)\r")[1].decode()
