"""Tasks of Python apps on the real image: whatever one of them waits for, or does wrong, the others go on."""

import re
from typing import Any

READERS: "dict[str, tuple[bytes, Any]]" = {
    "text.readline()": (b"a\xc3\xa9\r", "aé\n"),
    "text.read(10)": (b"\xc3\xa9", "é"),
    "text.read(1)": (b"\xff", "\ufffd"),
    "text.readexactly(4)": (b"a\xc3\xa9\xe2\x82\xacx", "aé€x"),
    "into(text)": (b"\xc3", b"\xc3"),
    "raw.readline()": (b"x\xc3\r\n", b"x\xc3\r\n"),
    "raw.read(10)": (b"\xff", b"\xff"),
    "raw.readexactly(3)": (b"\xc3\x28\xff", b"\xc3(\xff"),
    "into(raw)": (b"y", b"y"),
    "console.read_line()": (b"h\xc3\xa9\xff\xe2\n", "hé\ufffd\ufffd"),
    "text.readline() ": (b"\xff\n", "\ufffd\n"),
}
"""Each way to read the console in a task: what is typed, and what it gives."""


def test_tasks_go_on_whatever_part_of_a_character_or_line_has_been_typed(simulation, python_app) -> None:
    app = python_app(
        f"""
import asyncio, sys
from adder import console
ticks = 0
async def tick():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep_ms(10)
async def into(stream):
    buffer = bytearray(3)
    return bytes(buffer[:await stream.readinto(buffer)])
async def main():
    global text, raw
    asyncio.create_task(tick())
    text, raw = asyncio.StreamReader(sys.stdin), asyncio.StreamReader(sys.stdin.buffer)
    for way in {list(READERS)!r}:
        before = ticks
        print("reads", way)
        result = await eval(way)
        print("got", result.encode() if isinstance(result, str) else result, type(result).__name__, ticks - before)
    print("and all at once?")
    await asyncio.sleep_ms(200)
    result = ""
    while "c" not in result:
        result += await text.read(10)
    print("got", result.encode(), ticks)
    print("line?")
    print("got", input().encode())
asyncio.run(main())
""",
        ram="32768",
    )
    with simulation(app) as board:
        for way, (typed, result) in READERS.items():
            board.expect(f"reads {way}\r".replace("(", r"\(").replace(")", r"\)"))
            for byte in typed:
                board.run(0.1)
                board.send(bytes([byte]))
            data = result.encode() if isinstance(result, str) else result
            found = board.expect(r"got (b'.*') (\w+) (\d+)\r")
            assert (found[1].decode(), found[2].decode()) == (repr(data), type(result).__name__), way
            assert int(found[3]) >= 8 * len(typed), way
        board.expect("once")
        board.send(b"ab\xff\xc3\r\nc\xc3")
        assert board.expect(r"got (b'.*') \d+\r")[1].decode() == repr("ab\ufffd\ufffd\nc".encode())
        board.expect("line")
        board.send(b"\xa9!\n")
        assert board.expect(r"got (b'.*')\r")[1].decode() == repr("é!".encode())


def test_what_is_wrong_for_a_loop_raises(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio, gc, select, sys, time
def tried(name, call):
    try:
        print(name, "gave", call())
    except Exception as error:
        print(name, type(error).__name__)
async def inner():
    return 5
async def nested():
    tried("run in a task", lambda: asyncio.run(inner()))
    tried("the loop's in a task", lambda: asyncio.get_event_loop().run_until_complete(inner()))
    tried("forever in a task", lambda: asyncio.get_event_loop().run_forever())
    await asyncio.sleep_ms(1)
    try:
        await asyncio.StreamReader(None).read(1)
    except Exception as error:
        print("no stream", type(error).__name__)
    await asyncio.sleep_ms(1)
    return "goes on"
tried("sleep in no task", lambda: next(iter(asyncio.sleep_ms(1))))
tried("event in no task", lambda: next(asyncio.Event().wait()))
tried("no task", lambda: asyncio.core._task_queue.push(None))
tried("the outer", lambda: asyncio.run(nested()))
async def interrupted():
    raise KeyboardInterrupt
try:
    asyncio.run(interrupted())
except KeyboardInterrupt:
    tried("after an interrupt", lambda: asyncio.run(inner()))
poller = select.poll()
poller.register(sys.stdin, select.POLLOUT)
for thing in (None, 5, "text", b"bytes", [], object(), print, select):
    tried("register", lambda: poller.register(thing, 1))
tried("select", lambda: select.select([None], [], [], 0))
print("polled", len(poller.poll(10)))
for ms in range(0, 40):
    seconds = ms / 10_000 + 0.00007
    before = time.ticks_us()
    time.sleep(seconds)
    if time.ticks_diff(time.ticks_us(), before) < seconds * 1_000_000:
        print("short", seconds)
print("slept")
""",
        ram="32768",
    )
    with simulation(app) as board:
        board.expect("slept", timeout=30)
        told = [line for line in board.transcript.split("\r\n") if re.match("run|the |forever|no |sleep ", line)]
        assert told == [
            "sleep in no task RuntimeError",
            "no task RuntimeError",
            "run in a task RuntimeError",
            "the loop's in a task RuntimeError",
            "forever in a task RuntimeError",
            "no stream OSError",
            "the outer gave goes on",
        ], board.transcript
        assert "event in no task RuntimeError" in board.transcript
        assert "after an interrupt gave 5" in board.transcript
        assert board.transcript.count("register OSError") == 8
        assert "select OSError" in board.transcript
        assert "polled 1" in board.transcript
        assert "short" not in board.transcript


def test_a_new_loop_gives_back_what_tasks_of_the_last_had(simulation, python_app) -> None:
    # Each awaitable is begun by a task that its loop forgets, and asked again by the next loop.
    app = python_app(
        """
import asyncio, time
from adder import adc, buzzer, console, date_time, i2c, ipc, rng, spi
from adder.sensors import temperature
lock, event, flag = asyncio.Lock(), asyncio.Event(), asyncio.ThreadSafeFlag()
service, echo = ipc.Service("prompt"), ipc.Client("echo", 32)
number = 0
async def locked():
    async with lock:
        await asyncio.sleep_ms(30)
async def set_by(thing, wait):
    loop = asyncio.create_task(wait)
    await asyncio.sleep_ms(1)
    thing.set()
    await loop
async def requested():
    service.answer((await service.request())[0])
async def asked():
    echo.notify()
    await echo.answer()
ways = {
    "temperature": temperature.get, "rng": lambda: rng.get(4), "i2c": lambda: i2c.get(0x48, 2),
    "spi": lambda: spi.swap(b"ask"), "adc": lambda: adc.get(0), "date_time": date_time.get,
    "buzzer": lambda: buzzer.play(440, 20), "lock": locked, "console": console.read_line,
    "event": lambda: set_by(event, event.wait()), "flag": lambda: set_by(flag, flag.wait()), "service": requested,
    "client": asked,
}
class Old(Exception):
    pass
async def old(name):
    began = number
    await ways[name]()
    if began != number:
        print("goes on in the next loop:", name)
async def begun(name):
    asyncio.create_task(old(name))
    await asyncio.sleep_ms(0)
    await asyncio.sleep_ms(0)
    raise Old
async def again(name):
    await asyncio.wait_for(ways[name](), 3)
    await asyncio.sleep_ms(50)
for name in ways:
    try:
        asyncio.run(begun(name))
    except Old:
        asyncio.new_event_loop()
    number += 1
    event.clear()
    print("ask", name)
    try:
        asyncio.run(again(name))
        print("has", name)
    except BaseException as error:
        print("not", name, repr(error))
    asyncio.new_event_loop()
print("all asked")
""",
        name="prompt",
        ram="40960",
    )
    ask = "import time\nfrom adder import ipc\n{}\nwhile True:\n    {}"
    echo = ask.format("service = ipc.Service('echo')", "service.answer(service.wait()[0])")
    asker = ask.format("client = ipc.Client('prompt')", "time.sleep(0.2); client.notify(); client.wait()")
    others = python_app(echo, name="echo", ram="16384"), python_app(asker, name="asker", ram="16384")
    with simulation(app, *others) as board:
        board.expect("ask console", timeout=30)
        board.run(0.05)
        board.send("x\n")
        board.expect("all asked", timeout=30)
        assert "goes on in the next loop" not in board.transcript
        assert board.transcript.count("\nhas ") == 13, board.transcript
