"""Times what a Python app does most, for `adder bench`: the smallest mean of several batches, in QEMU's nanoseconds."""

# /// script
# [tool.adder]
# name = "bench-user"
# ram = "32K"
# ///

import asyncio
import time

from adder.sensors import temperature

from adder import ipc, led

BATCHES = 8


def smallest(count, run):
    best = 1 << 29
    for _ in range(BATCHES):
        start = time.ticks_us()
        run(count)
        best = min(best, time.ticks_diff(time.ticks_us(), start))
    return best * 1000 // count


def toggles(count):
    for _ in range(count // 10):  # ten a round: the loop is not what is measured
        led.toggle(0)
        led.toggle(0)
        led.toggle(0)
        led.toggle(0)
        led.toggle(0)
        led.toggle(0)
        led.toggle(0)
        led.toggle(0)
        led.toggle(0)
        led.toggle(0)


def readings(count):
    for _ in range(count):
        temperature.read()


async def switch(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def two(count):
    await asyncio.gather(switch(count // 2), switch(count // 2))


def switches(count):
    asyncio.run(two(count))


LINE = "." * 62  # with its line end, 64 bytes on the wire


def lines(count):
    for _ in range(count // 64):
        print(LINE)


def calls(count):
    for _ in range(count):
        service.notify()
        service.wait()


results = []
for key, count, run in (
    ("python_led_toggle", 8000, toggles),
    ("python_sensor_read", 800, readings),
    ("python_asyncio_switch", 1600, switches),
    ("python_print_byte", 12800, lines),
    ("python_ipc_round_trip", 400, calls),
    ("python_ipc_rot13", 400, calls),
):
    if key == "python_ipc_round_trip":
        service = ipc.Client("bench-service-py", 32)
        service.buffer[:17] = b"Uryyb sebz Clguba"
    elif key == "python_ipc_rot13":
        service.buffer[31] = 1
    results.append((key, smallest(count, run)))
for key, nanoseconds in results:
    print("result", key, nanoseconds)
print("end of results")
