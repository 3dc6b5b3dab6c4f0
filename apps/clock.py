"""A clock out of asyncio tasks: one counts, one shows, one blinks, one listens to the console.

    make run APPS="clock-py"

Type a number of seconds and Enter to set the clock.
"""

# /// script
# [tool.adder]
# name = "clock-py"
# ram = "14K"
# ///

import asyncio

from adder import alarm, console, led

seconds = 0


async def count():
    global seconds
    due = alarm.ticks_ms()
    while True:
        due = alarm.ticks_add(due, 1000)
        await alarm.sleep_ms(max(0, alarm.ticks_diff(due, alarm.ticks_ms())))
        seconds += 1


async def show():
    while True:
        print(f"clock {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}")
        await alarm.sleep(1)


async def blink():
    while True:
        led.toggle(1)
        await alarm.sleep_ms(250)


async def listen():
    global seconds
    while True:
        line = await console.read_line()
        try:
            seconds = int(line)
        except ValueError:
            print("clock: a number of seconds, please")


async def main():
    await asyncio.gather(count(), show(), blink(), listen())


asyncio.run(main())
