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


def test_no_way_to_wait_for_tasks_loses_what_they_give_or_leaves_one_behind(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio, syscall, time
loop = asyncio.get_event_loop()
BUZZER = 0x90000
def soon(handler):
    syscall.subscribe(BUZZER, 0, lambda a, b, c: handler())
    syscall.command(BUZZER, 1, 440, 50)
async def seven(ms=1):
    await asyncio.sleep_ms(ms)
    return 7
async def fails(ms=1):
    await asyncio.sleep_ms(ms)
    raise ValueError
async def tell(name, what):
    try:
        print(name, "gave", await what)
    except BaseException as error:
        print(name, "raised", type(error).__name__)
# A lock that comes just before, at, or just behind the end of the wait, while another task computes.
async def held(lock, ms):
    async with lock:
        await asyncio.sleep_ms(ms)
    time.sleep_ms(7)
async def wants(lock):
    try:
        await asyncio.wait_for_ms(lock.acquire(), 20)
        lock.release()
        return True
    except asyncio.TimeoutError:
        return False
async def locks():
    outcomes = []
    for ms in range(11, 23):
        lock = asyncio.Lock()
        outcomes += await asyncio.gather(held(lock, ms), wants(lock))
        await asyncio.sleep_ms(0)
        if lock.locked():
            print("nobody has the lock", ms)
    return outcomes[1] and outcomes[3] and not outcomes[-1]
async def computes(flag):
    await asyncio.sleep_ms(10)
    time.sleep_ms(5)
    flag.set()
    time.sleep_ms(30)
async def late():
    flag = asyncio.ThreadSafeFlag()
    asyncio.create_task(computes(flag))
    return await asyncio.wait_for_ms(flag.wait(), 20)
async def late_failure():
    asyncio.create_task(held(asyncio.Lock(), 15))
    return await asyncio.wait_for_ms(fails(15), 20)
async def stubborn():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        await asyncio.sleep_ms(20)
        print("cleaned up")
async def given_up():
    waits = asyncio.create_task(asyncio.wait_for_ms(stubborn(), 20))
    await asyncio.sleep_ms(30)
    waits.cancel()  # while what it waits for cleans up
    await waits
begun = []
async def begins():
    begun.append(1)
async def refused():
    for call in (
        lambda: asyncio.wait_for(begins(), "1"), lambda: asyncio.wait_for_ms(begins(), "1"),
        lambda: asyncio.wait_for_ms(begins(), 1 << 29), lambda: asyncio.wait_for(5, 1),
        lambda: asyncio.gather(begins(), 5),
    ):
        await tell("refused", call())
    await asyncio.sleep_ms(1)
    return begun
async def gathers():
    a, b = asyncio.create_task(seven(20)), asyncio.create_task(seven(30))
    asyncio.create_task(tell("another", b))
    await asyncio.sleep_ms(1)
    await tell("gathered", asyncio.gather(a, begins(), b))
    await asyncio.sleep_ms(50)
    return await a, await asyncio.gather(b, b), begun
async def twice():
    task = asyncio.create_task(seven())
    return await asyncio.gather(task, task)
async def failed_long_ago():
    task = asyncio.create_task(fails(0))
    loop.set_exception_handler(lambda loop, context: print("nobody asked"))
    await asyncio.sleep_ms(5)
    await tell("first", task)
    await task
async def nap():
    await asyncio.sleep(9)
async def cancelled_by_handler():
    task = asyncio.create_task(nap())
    soon(task.cancel)
    await task
def nested():
    for name, call in (("handler's run", lambda: asyncio.run(seven())), ("handler's task", asyncio.current_task)):
        try:
            print(name, "gave", call())
        except RuntimeError:
            print(name, "is refused")
async def woken_by_handler():
    event = asyncio.Event()
    soon(lambda: (nested(), event.set()))
    await event.wait()
    return 7
async def fails_in_handler():
    def raises():
        raise ValueError
    soon(raises)
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep_ms(1)
        print("main's finally")
def told(name, call):
    try:
        print(name, "gave", call())
    except Exception as error:
        print(name, "raised", type(error).__name__)
for way in (locks, late, late_failure, given_up, refused, gathers, twice, failed_long_ago, cancelled_by_handler,
            woken_by_handler):
    asyncio.run(tell(way.__name__, way()))
told("fails_in_handler", lambda: asyncio.run(fails_in_handler()))
task = loop.create_task(seven())
asyncio.run(asyncio.sleep_ms(9))
told("over", lambda: loop.run_until_complete(task))
task = loop.create_task(fails())
told("main", lambda: loop.run_until_complete(task))
print("main is done", task.done())
told("again", lambda: loop.run_until_complete(task))
told("none", lambda: asyncio.run(None))
told("nothing left", lambda: asyncio.core.run_until_complete())
async def forever():
    told("inner forever", loop.run_forever)
    soon(loop.stop)
loop.create_task(forever())
loop.run_forever()
async def exits():
    raise SystemExit
async def main():
    asyncio.create_task(exits())
    try:
        await asyncio.wait_for(nap(), 5)
    finally:
        await asyncio.sleep_ms(1)
        print("main ends")
asyncio.run(main())
""",
        ram="40960",
    )
    with simulation(app) as board:
        board.expect("main ends", timeout=30)
        board.run(0.1)
    lines = board.transcript.replace("\r", "").strip().split("\n")[2:]
    assert lines == [
        "locks gave True",
        "late gave True",
        "late_failure raised ValueError",
        "given_up raised CancelledError",
        *["refused raised TypeError"] * 2,
        "refused raised OverflowError",
        *["refused raised TypeError"] * 2,
        "refused gave []",
        "gathered raised RuntimeError",
        "another gave 7",
        "gathers gave (7, [7, 7], [])",
        "twice gave [7, 7]",
        "nobody asked",
        "first raised ValueError",
        "failed_long_ago raised ValueError",
        "cancelled_by_handler raised CancelledError",
        "handler's run is refused",
        "handler's task is refused",
        "woken_by_handler gave 7",
        "main's finally",
        "fails_in_handler raised ValueError",
        "over gave 7",
        "main raised ValueError",
        "main is done True",
        "again raised ValueError",
        "none raised TypeError",
        "nothing left gave None",
        "inner forever raised RuntimeError",
        "main ends",
        "app py: ended with code 0",
    ], board.transcript


def test_what_is_typed_is_read_once_though_readers_give_up_and_ctrl_c_drops_it(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio, micropython, sys
from array import array
from adder import console
reader = asyncio.StreamReader(sys.stdin)
async def patient(read):
    while True:
        try:
            return await asyncio.wait_for_ms(read(), 50)
        except asyncio.TimeoutError:
            pass
async def main():
    print("line?", repr(await patient(reader.readline)))
    print("five?", repr(await patient(lambda: reader.readexactly(5))))
    words = array("H", [0] * 3)
    raw = asyncio.StreamReader(sys.stdin.buffer)
    try:
        print("words?", await raw.readinto(bytes(4)))
    except TypeError:
        data = b""
        while len(data) < 6:
            count = await raw.readinto(words)
            data += bytes(words)[:count]
        print("words?", data)
    print("own?", repr(await patient(console.read_line)))
async def waits():
    return await asyncio.wait_for(console.read_line(), 20)
asyncio.run(main())
micropython.kbd_intr(3)
for wait in (console.read_line, waits, reader.readline):
    try:
        print("interrupt")
        asyncio.run(wait())
    except KeyboardInterrupt:
        print("next?", repr(asyncio.run(wait())))
async def tick():
    while True:
        await asyncio.sleep_ms(0)
async def pair():
    a, b = asyncio.create_task(tick()), asyncio.create_task(tick())
    try:
        await asyncio.sleep(9)
    finally:
        a.cancel()
        b.cancel()
        await asyncio.sleep_ms(1)
        print("both have ended:", a.done(), b.done())
for i in range(8):
    try:
        print("busy")
        asyncio.run(pair())
    except KeyboardInterrupt:
        pass
print("all read")
""",
        ram="32768",
    )
    with simulation(app) as board:
        board.run(0.1)
        for part, answer in (
            (("ha", "lf a ", "line\rx"), "line. 'half a line.n'"),
            (("ab", "c", "d"), "five. 'xabcd'"),
            (("123456",), "words. b'123456'"),
            (("mi", "ne\r"), "own. 'mine'"),
        ):
            for text in part:
                board.send(text)
                board.run(0.15)
            board.expect(answer)
        for _ in range(3):
            board.expect("interrupt")
            board.run(0.1)
            board.send("abc")
            board.run(0.1)
            board.send("\x03")
            board.run(0.1)
            board.send("x\r")
            board.expect(r"next. 'x(.n)?'\r")
        for _ in range(8):
            board.expect("busy")
            board.run(0.02)
            board.send("\x03")
            assert board.expect(r"ended: (\w+) (\w+)")[0].endswith(b"True True")
        board.expect("all read")
