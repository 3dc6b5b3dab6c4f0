# /// script
# [tool.adder]
# name = "asker"
# ram = "28K"
# storage = { write_id = 70, read_ids = [70], modify_ids = [70] }
# permissions = ["alarm", "button", "console", "gpio", "ipc", "led", "nonvolatile_storage", "rng", "temperature"]
# ///
"""Tasks that ask all drivers, in an order that the board's random numbers choose; "asker: done" at the end.

What it looks at: each question has its answer, and the answer is one to this question.
"""

import asyncio
import random
from adder import alarm, button, gpio, ipc, led, rng, storage
from adder.sensors import temperature

TASKS, ROUNDS = 5, 8
OUT, IN = 0, 1  # pins that the test wires to each other
turn = asyncio.Lock()
calling = asyncio.Lock()


async def bytes_of_the_source():
    count = random.randrange(12)
    assert len(await rng.get(count)) == count


async def bytes_at_once():
    assert len(rng.read(3)) == 3


async def degrees():
    assert 20 < await temperature.get() < 30


async def degrees_at_once():
    assert 20 < temperature.read() < 30


async def nothing():
    begin = alarm.ticks_us()
    wait = random.randrange(4)
    await alarm.sleep_ms(wait)
    assert alarm.ticks_diff(alarm.ticks_us(), begin) >= 1000 * wait


async def given_up():
    try:
        await asyncio.wait_for_ms(rng.get(9), random.randrange(2))
    except asyncio.TimeoutError:
        pass


async def stored():
    async with turn:
        data = rng.read(5)
        storage.write(0, data)
        assert storage.read(0, 5) == data


async def printed():
    print("asker:", random.random())


async def light():
    led.toggle(random.randrange(led.count()))


async def edge():
    async with turn:
        task = asyncio.create_task(gpio.Pin(IN).edge(gpio.EITHER))
        await asyncio.sleep_ms(0)
        gpio.Pin(OUT).toggle()
        await task


async def turned():
    async with calling:
        service.buffer[:3] = b"abc"
        service.notify()
        if random.randrange(2):
            service.wait()
        else:
            await service.answer()
        assert bytes(service.buffer[:3]) == b"nop"


async def press():
    await button.pressed(0)


service = ipc.Client("rot13-py", 32)
questions = (
    bytes_of_the_source, bytes_at_once, degrees, degrees_at_once, nothing, given_up, stored, printed, light, edge, turned, press,
)


async def ask():
    for _ in range(ROUNDS):
        await random.choice(questions)()


async def main():
    gpio.Pin(OUT).output()
    gpio.Pin(IN).input()
    await asyncio.gather(*[ask() for _ in range(TASKS)])
    print("asker: done")


asyncio.run(main())
