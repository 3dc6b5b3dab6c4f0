"""apps/library/adder: what Python apps import, on CPython with a fake module `syscall`.

The fake answers commands as the drivers document them; the real thing runs in tests/system.
"""

import asyncio
import importlib
import sys
from collections.abc import Iterator

import pytest
from app_library import Kernel, SyscallError, library

U32 = 1 << 32


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    with library() as made:
        yield made


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
    kernel.answers = {(0x60001, 1): lambda: kernel.upcall(0x60001, 0, 5000, 0, 0)}
    assert sensors.humidity.read() == pytest.approx(50)


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


def test_what_is_no_edge_is_refused_also_beside_a_task_that_waits(kernel) -> None:
    gpio = load("gpio")
    kernel.answers = {(4, 7): lambda pin, edge: None if 0 <= edge <= 2 else SyscallError(6, "INVAL")}

    async def run() -> None:
        task = asyncio.create_task(gpio.Pin(3).edge(gpio.RISING))
        await asyncio.sleep(0)
        for edge in (7, -1):
            with pytest.raises(SyscallError):
                await gpio.Pin(3).edge(edge)
        task.cancel()

    asyncio.run(run())


def test_tasks_that_wait_for_different_edges_of_one_pin_get_each_its_own(kernel) -> None:
    gpio = load("gpio")
    kernel.answers = {(4, 7): None}
    edges = []

    async def wait(edge):
        edges.append((edge, await gpio.Pin(3).edge(edge)))

    async def main():
        tasks = [asyncio.create_task(wait(edge)) for edge in (gpio.RISING, gpio.FALLING, gpio.EITHER)]
        await asyncio.sleep(0)
        assert [command[3] for command in kernel.commands] == [gpio.RISING, gpio.EITHER, gpio.EITHER]
        for level in (0, 1):
            kernel.upcall(4, 0, 3, level, 0)
            kernel.deliver()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert sorted(edges) == [(gpio.EITHER, 0), (gpio.RISING, 1), (gpio.FALLING, 0)]
    # Alone, a task gets whatever its edge was followed by: the level may be back already.
    kernel.upcall(4, 0, 3, 1, 0)  # it came before anybody waited for a falling edge
    kernel.answers = {(4, 7): lambda pin, edge: kernel.upcall(4, 0, pin, 1, 0)}
    assert gpio.Pin(3).wait_edge(gpio.FALLING) == 1
    assert kernel.waiting == []


def test_a_sleep_in_seconds_is_never_shorter(kernel) -> None:
    alarm = load("alarm")

    async def slept(seconds):
        kernel.now = 0
        task = asyncio.create_task(_awaited(alarm.sleep(seconds)))
        while not task.done():
            await asyncio.sleep(0)
            kernel.now += not task.done()
        return kernel.now

    for seconds in (0, 1, 0.029, 0.0001, 1.001, 0.25):
        assert asyncio.run(slept(seconds)) >= seconds * 1000


async def _awaited(awaitable):
    await awaitable


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
