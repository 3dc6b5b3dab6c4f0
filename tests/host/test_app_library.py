"""apps/library/adder: what Python apps import, on CPython with a fake module `syscall`.

The fake answers commands as the drivers document them; the real thing runs in tests/system.
"""

import asyncio
import builtins
import importlib
import sys
import types
from collections.abc import Iterator

import pytest

from adder.board import ROOT

U32 = 1 << 32


class SyscallError(OSError):
    pass


class Kernel:
    """The kernel's side: a table of drivers, and upcalls that wait for a yield."""

    def __init__(self) -> None:
        self.handlers = {}
        self.waiting = []
        self.commands = []
        self.answers = {}
        self.buffers = {}

    def command(self, driver, number, *arguments):
        self.commands.append((driver, number, *arguments))
        answer = self.answers.get((driver, number), SyscallError(11, "NODEVICE"))
        answer = answer(*arguments) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def subscribe(self, driver, number, handler):
        self.handlers[driver, number] = handler

    def allow(self, driver, number, buffer):
        self.buffers[driver, number] = buffer

    def upcall(self, driver, number, *arguments):
        self.waiting.append((driver, number, arguments))

    def yield_wait(self):
        assert self.waiting, "the app waits for ever"
        driver, number, arguments = self.waiting.pop(0)
        self.handlers[driver, number](*arguments)


class ThreadSafeFlag:
    """What MicroPython's asyncio has and CPython's has not."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def set(self) -> None:
        self.event.set()

    async def wait(self) -> None:
        await self.event.wait()
        self.event.clear()


@pytest.fixture
def kernel(monkeypatch) -> Iterator[Kernel]:
    made = Kernel()
    module = types.ModuleType("syscall")
    module.SyscallError = SyscallError
    module.command, module.subscribe, module.yield_wait = made.command, made.subscribe, made.yield_wait
    module.allow_ro = module.allow_rw = made.allow
    monkeypatch.setattr(asyncio, "ThreadSafeFlag", ThreadSafeFlag, raising=False)
    monkeypatch.setattr(builtins, "const", lambda value: value, raising=False)
    # The library's package is called like the host tool: for a test, it takes its place.
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "adder"}
    monkeypatch.setitem(sys.modules, "syscall", module)
    monkeypatch.syspath_prepend(str(ROOT / "apps" / "library"))
    importlib.invalidate_caches()
    yield made
    for name in [name for name in sys.modules if name.split(".")[0] == "adder"]:
        del sys.modules[name]
    sys.modules.update(ours)


def load(name):
    return importlib.import_module(f"adder.{name}")


def test_modules_load_when_they_are_first_used(kernel) -> None:
    adder = importlib.import_module("adder")
    assert "adder.led" not in sys.modules
    assert adder.led.toggle is load("led").toggle
    with pytest.raises(AttributeError):
        _ = adder.machine


def test_leds_and_missing_drivers(kernel) -> None:
    led = load("led")
    with pytest.raises(SyscallError):
        led.on(0)
    kernel.answers = {(2, 0): 4, (2, 3): None, (2, 4): 1}
    assert (led.count(), led.toggle(3), led.is_on()) == (4, None, True)
    assert kernel.commands[-2:] == [(2, 3, 3), (2, 4, 0)]


@pytest.mark.parametrize(("raw", "degrees"), [(2150, 21.5), (0, 0.0), (U32 - 512, -5.12)])
def test_a_sensor_is_read(kernel, raw, degrees) -> None:
    sensors = load("sensors")
    assert not sensors.temperature.exists()
    kernel.answers = {(0x60000, 0): None, (0x60000, 1): lambda: kernel.upcall(0x60000, 0, raw, 0, 0)}
    assert sensors.temperature.exists()
    assert sensors.temperature.read() == pytest.approx(degrees)


def test_a_refused_command_leaves_nobody_waiting(kernel) -> None:
    sensors = load("sensors")
    kernel.answers = {(0x60001, 1): SyscallError(2, "BUSY")}
    for _ in range(3):
        with pytest.raises(SyscallError):
            sensors.humidity.read()
    assert sensors.humidity._measured._waiters == []


def test_tasks_wait_for_different_buttons_at_once(kernel) -> None:
    button = load("button")
    kernel.answers = {(3, 1): None}
    order = []

    async def wait(number, what):
        await what(number)
        order.append((number, what.__name__))

    async def press():
        await asyncio.sleep(0)
        for number, state in ((1, 1), (0, 0), (0, 1), (1, 0)):
            kernel.upcall(3, 0, number, state, 0)
            kernel.yield_wait()
            await asyncio.sleep(0.001)

    async def main():
        await asyncio.gather(wait(0, button.pressed), wait(1, button.pressed), wait(1, button.released), press())

    asyncio.run(main())
    assert order == [(1, "pressed"), (0, "pressed"), (1, "released")]
    assert button._changed._waiters == []


def test_a_pins_edge_gives_its_level(kernel) -> None:
    gpio = load("gpio")
    kernel.answers = {(4, 5): None, (4, 7): lambda pin, edge: kernel.upcall(4, 0, pin, 1, 0), (4, 6): 0}
    pin = gpio.Pin(3).input(gpio.PULL_UP)
    assert pin.wait_edge(gpio.RISING) == 1
    assert pin.read() == 0
    assert kernel.commands == [(4, 5, 3, 1), (4, 7, 3, 1), (4, 6, 3)]


def test_random_bytes(kernel) -> None:
    rng = load("rng")

    def fill(count):
        kernel.buffers[0x40001, 0][:] = bytes(range(count))
        kernel.upcall(0x40001, 0, 0, count, 0)

    kernel.answers = {(0x40001, 1): fill}
    assert rng.read(5) == bytes(range(5))
    assert kernel.buffers[0x40001, 0] is None
    kernel.answers = {(0x40001, 1): lambda count: kernel.upcall(0x40001, 0, 1, 0, 0)}
    with pytest.raises(SyscallError):
        rng.read(5)


def test_storage_moves_as_much_as_the_kernel_takes_at_once(kernel) -> None:
    storage = load("storage")
    flash = bytearray(b"\xff" * 2000)

    def read(offset, length):
        moved = min(length, 512)
        kernel.buffers[0x50001, 0][:moved] = flash[offset : offset + moved]
        kernel.upcall(0x50001, 0, moved, 0, 0)

    def write(offset, length):
        moved = min(length, 512)
        flash[offset : offset + moved] = kernel.buffers[0x50001, 0][:moved]
        kernel.upcall(0x50001, 1, moved, 0, 0)

    kernel.answers = {(0x50001, 1): 2000, (0x50001, 2): read, (0x50001, 3): write}
    data = bytes(i % 251 for i in range(1300))
    assert storage.size() == 2000
    assert storage.write(100, data) == 1300
    assert storage.read(100, 1300) == data
    assert flash[:100] == b"\xff" * 100
