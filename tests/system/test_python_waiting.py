"""Python apps that wait, in every way and for as long as they like: events, Ctrl-C, time, lines, services."""

import os
import pty
import re
import select
import subprocess
import sys
import threading
import tty

import pytest

from adder.apps.python_app import build
from adder.run.simulate import Simulation

WAYS = {
    "time.sleep_ms(0)": "time.sleep_ms(0)",
    "time.sleep(0)": "time.sleep(0)",
    "time.sleep_us(1)": "time.sleep_us(1)",
    "time.sleep_us(2500)": "time.sleep_us(2500)",
    "poll(0)": "poller.poll(0)",
    "ipoll(0)": "list(poller.ipoll(0))",
    "select(0)": "select.select([sys.stdin], [], [], 0)",
    "yield_no_wait": "syscall.yield_no_wait()",
    "yield_wait(0)": "syscall.yield_wait(0)",
    "await sleep_ms(0)": "asyncio.run(asyncio.sleep_ms(0))",
    "await sleep(0)": "asyncio.run(turn())",
}
"""Every way to wait that takes no time."""


def test_events_come_however_short_the_waits_are(simulation, python_app) -> None:
    # Each way runs until its own alarm's upcall has come; none of them ever sleeps.
    body = "".join(
        f"""
come.clear()
syscall.command(0, 5, 2560)
start = time.ticks_ms()
while not come and time.ticks_diff(time.ticks_ms(), start) < 2000:
    {statement}
print("{name}:", "came" if come else "starved")
syscall.subscribe(0, 0, heard)
"""
        for name, statement in WAYS.items()
    )
    app = python_app(
        f"""
import asyncio, select, sys, syscall, time
come = []
def heard(*arguments):
    come.append(arguments)
async def turn():
    await asyncio.sleep(0)
poller = select.poll()
poller.register(sys.stdin, select.POLLIN)
syscall.subscribe(0, 0, heard)
{body}
print("all ways tried")
""",
        ram="32768",
    )
    with simulation(app) as board:
        board.expect("all ways tried", timeout=60)
        assert re.findall(r"^(.*): (?:came|starved)\r", board.transcript, re.MULTILINE) == list(WAYS)
        assert "starved" not in board.transcript


def test_no_sleep_is_short_and_time_goes_on_in_all_of_them(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio, select, sys, time
def us(before):
    return time.ticks_diff(time.ticks_us(), before)
short = 0
poller = select.poll()
for i in range(40):
    for name, wait, least in (
        ("ms", lambda: time.sleep_ms(i % 7), i % 7 * 1000),
        ("s", lambda: time.sleep(i % 5 / 1000), i % 5 * 1000),
        ("us", lambda: time.sleep_us(i * 97), i * 97),
        ("poll", lambda: poller.poll(i % 6), i % 6 * 1000),
        ("asyncio", lambda: asyncio.run(asyncio.sleep_ms(i % 5)), i % 5 * 1000),
        ("asyncio, s", lambda: asyncio.run(asyncio.sleep(i % 7 / 1000 + 0.0007)), i % 7 * 1000 + 700),
    ):
        time.sleep_us(i * 13)  # begin anywhere in a millisecond
        before = time.ticks_us()
        wait()
        took = us(before)
        if took < least:
            short += 1
            print("short:", name, least, took)
print("sleeps that were short:", short)
""",
        ram="24576",
    )
    with simulation(app) as board:
        board.expect(r"sleeps that were short: 0\r", timeout=60)


LONG = 400  # seconds: more than two turns of the counter, which takes 172


def test_time_keeps_its_turns_in_waits_of_any_length(simulation, python_app) -> None:
    # Each app waits for something else; another wakes them all after more than two turns of the counter.
    measure = """
import time
began = time.time(); ticks = time.ticks_ms()
def tell(name):
    took = time.ticks_diff(time.ticks_ms(), ticks)
    print(name, "waited", time.time() - began, took // 1000)
"""
    waiters = {
        "wipc": "from adder import ipc\ns = ipc.Service('wipc')\ns.wait()\ntell('ipc')",
        "wasync": "import asyncio\nfrom adder import ipc\ns = ipc.Service('wasync')\nasyncio.run(s.request())\n"
        "tell('async')",
        "wfor": "import syscall\nfrom adder import ipc\nn = ipc.find('wfor')\nsyscall.subscribe(0x10000, n, None)\n"
        "syscall.yield_wait_for(0x10000, n)\ntell('for')",
        "winput": "input()\ntell('input')",
        # The alarm is the program's own, or the wait the kernel's: the library cannot look at the counter meanwhile.
        "wown": "import syscall\nsyscall.subscribe(0, 0, print)\nfrom adder import button\nbutton.wait_pressed()\n"
        "tell('own')",
        "wkernel": "import syscall\nsyscall.command(3, 1, 0)\nsyscall.yield_wait_for(3, 0)\ntell('kernel')",
        # Its next life knows how late it is, too.
        "wagain": f"import syscall\nif began < {LONG // 2}:\n syscall.command(3, 1, 0)\n syscall.yield_wait_for(3, 0)\n"
        " syscall.restart()\nbegan = ticks = 0\ntell('again')",
    }
    apps = [python_app(measure + text, name=name, ram=20480) for name, text in waiters.items()]
    waker = python_app(
        f"""
import time
from adder import ipc
time.sleep({LONG})
for name in ("wipc", "wasync", "wfor"):
    ipc.Client(name).notify()
print("woken")
""",
        name="waker",
    )
    with simulation(*apps, waker) as board:
        board.expect("woken", timeout=2 * LONG)
        board.press(0)
        board.send("x\r")
        for _ in waiters:
            found = board.expect(r"(\w+) waited (\d+) (\d+)\r", timeout=20)
            assert LONG - 1 <= int(found[2]) <= LONG + 30, found[0]
            assert abs(int(found[2]) - int(found[3])) <= 1, found[0]


PROGRAMS = {
    "sleeps": "time.sleep(1000)",
    "sleeps in parts": "while True: time.sleep_ms(10)",
    "sleeps in a task": "asyncio.run(asyncio.sleep(1000))",
    "prints": "while True: print('x')",
    "prints parts of a line": "while True: print('x', end='')",
    "computes": "while True: pass",
    "computes in calls": "while True: sum(range(50))",
    "computes in a handler": "syscall.subscribe(0, 0, spin); syscall.command(0, 5, 2560); time.sleep(1000)",
    "waits for input": "input()",
    "waits for a block": "sys.stdin.buffer.read(64)",
    "waits for a line in a task": "asyncio.run(console.read_line())",
    "waits for an upcall": "syscall.yield_wait()",
    "waits for one upcall": "syscall.subscribe(3, 0, None); syscall.yield_wait_for(3, 0)",
    "waits for a button": "button.wait_pressed(0)",
    "waits for a tone": "buzzer.tone(440, 5000)",
    "waits for samples": "adc.fill(0, 10, 1000)",
    "waits for a client": "ipc.Service('prompt').wait()",
    "waits for a service": "deaf.notify(); deaf.wait()",
    "polls": "while not poller.poll(0): pass",
}
TYPED = ("", "x", "\r", "é", "\u20ac\r\n", "y" * 70, "\x03")
"""What is typed before the Ctrl-C: also more than is kept, and another Ctrl-C."""

ENDED_BY = {
    "waits for input": "\r\n",
    "waits for a line in a task": "\r\n",
    "polls": "\r\nxyé€",
    "waits for a block": "y",
}
"""Characters that end a program by themselves."""


PROMPT = f"""
import asyncio, repl, select, sys, syscall, time
from adder import adc, button, buzzer, console, ipc
poller = select.poll()
poller.register(sys.stdin, select.POLLIN)
deaf = ipc.Client("deaf")
def spin(*_):
    while True:
        pass
def r(n):
    print("begun", n)
    exec({list(PROGRAMS.values())!r}[n])
repl.run()
"""
"""The prompt, with the programs at hand: `r(0)` runs the first."""


def test_control_c_ends_whatever_runs_whatever_was_typed_before(simulation, python_app) -> None:
    deaf = python_app("import time\nfrom adder import ipc\nipc.Service('deaf')\ntime.sleep(10**6)", name="deaf")
    prompt = python_app(PROMPT, name="prompt", ram="45056", stack=8192)
    with simulation(deaf, prompt) as board:
        board.expect("^>>> ")
        for number, name in enumerate(PROGRAMS):
            for which, typed in enumerate(TYPED):
                if set(typed) & set(ENDED_BY.get(name, "")) or (which + number) % 3 == 2:
                    continue  # each program after most of them, and each of them before most programs
                board.send(f"r({number})\r")
                board.expect(rf"begun {number}\r\n", timeout=20)
                board.run(0.005)
                board.send(typed + "\x03")
                board.expect("KeyboardInterrupt", timeout=20)
                board.expect("^>>> ", timeout=20)
                board.send("6*7\r")
                board.expect(r"^42\r", timeout=20)
                board.expect("^>>> ", timeout=20)


def test_nothing_that_is_due_is_slept_over_whatever_the_wait(simulation, python_app) -> None:
    # A Ctrl-C that came just before the sleep was seen at the next character. Here it is a scheduled function: no
    # instruction of bytecode stands between it and the wait, so only the wait itself can look.
    ways = [
        "time.sleep_ms(300)",
        "time.sleep_us(300_000)",
        "poller.poll(300)",
        "syscall.yield_wait(300)",
        "wait_for(0, 0)",
        "console.read(1)",
        "console.read(5)",
        "input()",
    ]
    body = "".join(
        f"""
came = 0
syscall.subscribe(0, 0, None)
syscall.command(0, 5, 7_500_000)
began = time.ticks_ms()
print("wait", {number})
schedule(note, 0); {way}
print({way!r}, time.ticks_diff(came, began) < 100 if came else "never")
"""
        for number, way in enumerate(ways)
    )
    app = python_app(
        f"""
import micropython, select, sys, syscall, time
from adder import console
def note(_):
    global came
    came = time.ticks_ms()
schedule, wait_for = micropython.schedule, syscall.yield_wait_for
poller = select.poll()
poller.register(sys.stdin, select.POLLIN)
{body}
""",
        ram="24576",
    )
    with simulation(app) as board:
        for number, way in enumerate(ways):
            board.expect(f"wait {number}")
            if "read" in way or "input" in way:
                board.run(0.3)
                board.send("12345"[: 5 if "5" in way else 1] if "read" in way else "\r")
            board.expect(re.escape(repr(way)[1:-1]) + r" (True)\r")


def test_tasks_have_their_turns_in_order_however_long_each_takes(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio, micropython, time
order = []
async def task(name, *waits):
    for wait in waits:
        order.append(name)
        await asyncio.sleep(wait)
    order.append(name)
async def main():
    for turn in range(3):
        time.sleep_us(2500)  # the clock goes on while a task runs
        tasks = [asyncio.create_task(task(name, 0, -1)) for name in "ab"]
        time.sleep_us(2500)
        await asyncio.sleep(0)
        order.append("main")
        await asyncio.gather(*tasks)
        order.append(".")
    micropython.heap_lock()
    await asyncio.sleep_ms(2)
    await asyncio.sleep_ms(0)
    micropython.heap_unlock()
    print("order:", "".join(order))
asyncio.run(main())
""",
        ram="24576",
    )
    with simulation(app) as board:
        board.expect(r"order: (abmainabab\.){3}\r")


class Terminal:
    """A pseudo terminal that leads to the board's console, for programs that want a serial port."""

    def __init__(self, board: Simulation) -> None:
        self.board = board
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        tty.setraw(self.master)
        self.ended = False
        self.threads = [threading.Thread(target=target, daemon=True) for target in (self._type, self._show)]

    def _type(self) -> None:
        while not self.ended:
            try:
                self.board.send(os.read(self.master, 4096))
            except Exception:
                return

    def _show(self) -> None:
        seen = len(self.board.raw)
        while not self.ended:
            data = self.board.raw[seen:]
            if data:
                os.write(self.master, data)
                seen += len(data)
            else:
                select.select([], [], [], 0.01)  # a thread's turn; it judges nothing

    def __enter__(self) -> str:
        for thread in self.threads:
            thread.start()
        return os.ttyname(self.slave)

    def __exit__(self, *_: object) -> None:
        self.ended = True
        os.close(self.slave)


def test_mpremote_interrupts_and_runs_whatever_the_board_does(simulation, tmp_path) -> None:
    (tmp_path / "script.py").write_text("import sys\nprint('script on', sys.platform)\n")
    with simulation("repl-py", clock="counted") as board:
        board.expect(">>> ")
        board.send("import time\r")
        board.expect(">>> ")
        for line in ("", "time.sleep(1000)", "while True: print('x')", "while True: pass"):
            if line:
                board.send(f"print('be' 'gun'); exec({line!r})\r")
                board.expect("begun\r\n")
            with Terminal(board) as port:
                command = [
                    sys.executable,
                    "-m",
                    "mpremote",
                    "connect",
                    port,
                    "resume",
                    "exec",
                    "print('answer', 6 * 7)",
                ]
                command += ["run", str(tmp_path / "script.py")]
                done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
            assert done.returncode == 0, (line, done.stderr)
            assert "answer 42" in done.stdout
            assert "script on adder" in done.stdout
            board.expect(">>> ", timeout=20)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"], ids=["CR", "LF", "CRLF"])
def test_each_line_end_ends_one_line_and_utf_8_arrives(simulation, python_app, end) -> None:
    app = python_app(
        """
import asyncio, sys
from adder import console
print("1:", repr(input("? ")))
print("2:", repr(input("? ")))
async def main():
    print("3:", repr(await console.read_line()))
    print("4:", repr(await console.read_line()))
asyncio.run(main())
print("5:", repr(sys.stdin.readline()))
print("6:", console.read(3))
""",
        ram="20480",
    )
    with simulation(app, clock="counted") as board:
        board.expect(r"\? ")
        board.send(end.join(("naïve", "b", "zwölf €", "", "five", "raw")))
        for number, text in enumerate(("'naïve'", "'b'", "'zwölf €'", "''", r"'five\n'", "b'raw'"), 1):
            found = board.expect(rf"^{number}: (.*)\r", timeout=20)
            shown = found[1].decode() if b"\\x" not in found[1] else eval(found[1]).__repr__()
            assert shown == text, number


def test_bytes_keep_their_order_whoever_reads_them_and_how_many_at_once(simulation, python_app) -> None:
    # A handler that reads while a block is waited for gets what has come of it; so does one that lets Ctrl-C interrupt.
    app = python_app(
        """
import asyncio, micropython, select, sys, syscall
from adder import console
poller = select.poll()
poller.register(sys.stdin, select.POLLIN)
def soon(handler):
    syscall.subscribe(0, 0, handler)
    syscall.command(0, 5, 2_500_000)  # a tenth of a second
def reads(*_):
    print("handler: reads")
    print("handler:", sys.stdin.buffer.read(2), sys.stdin.buffer.read(3))
def enables(*_):
    micropython.kbd_intr(3)
    print("handler: enabled")
    while True:
        pass
print("up")
data = b""
for size in (1, 3, 64, 65, 2, 130, 7) * 3:
    data += console.read(size)
    poller.poll(0)
    if size == 7:
        data += input().encode() + b"\\r" + sys.stdin.buffer.readline()
        data += asyncio.run(console.read_line()).encode() + b"\\n"
print("sum:", len(data), [(i, x) for i, x in enumerate(data) if x != 33 + i % 90 and x not in b"\\r\\n"])
soon(reads)
print("outer:", console.read(10))
soon(enables)
try:
    console.read(64)
except KeyboardInterrupt:
    micropython.kbd_intr(-1)
print("caught")
print("after:", console.read(5))
""",
        ram="24576",
    )
    text = bytearray(33 + i % 90 for i in range(3 * (272 + 36)))
    for i in range(3):
        at = 308 * i + 272
        text[at + 11], text[at + 23], text[at + 35] = b"\r\n\n"
    with simulation(app, clock="counted") as board:
        board.expect("up")
        board.send(text.decode())
        board.expect(rf"sum: {len(text)} \[\]\r", timeout=60)
        board.expect("handler: reads")
        board.send("abcdefghi")
        board.expect(r"handler: b'ab' b'cde'\r")
        board.send("klmnop")
        board.expect(r"outer: b'fghiklmnop'\r")
        board.send("dropped")
        board.expect("handler: enabled")
        board.send("\x03")
        board.expect("caught")  # until then Ctrl-C interrupts
        board.send("12\x0345")
        board.expect(r"after: b'12\\x0345'\r")


def test_a_reader_that_found_the_console_busy_reads_when_it_is_free(simulation, python_app) -> None:
    first = python_app("import sys\nprint('first:', sys.stdin.buffer.read(4))\nprint('over')", name="first")
    second = python_app(
        """
import asyncio, time
from adder import console
time.sleep_ms(200)
async def main():
    line = asyncio.create_task(console.read_line())
    await asyncio.sleep_ms(50)  # who begins to read within another's line gets the rest of it
    print("second waits")
    print("second:", await line)
asyncio.run(main())
""",
        name="second",
        ram="20480",
    )
    with simulation(first, second, clock="counted") as board:
        board.expect("second waits")
        board.send("1234")
        board.expect("first: b'1234'")
        board.expect("app first: ended")  # it has had a part of a line, of which nobody else gets the rest
        board.send("rest\rtwo\r")
        board.expect("second: two", timeout=20)


def test_a_typed_line_belongs_to_one_task_whoever_gave_up_before(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio
from adder import console
async def line(name):
    print(name, repr(await console.read_line()))
async def main():
    print("two wait")
    await asyncio.gather(line("a"), line("b"))
    for turn in range(4):  # given up before anything is typed, after a part, and while it waits for its turn
        first = asyncio.create_task(line("given up"))
        second = asyncio.create_task(line("given up, too"))
        print("type", turn)
        await asyncio.sleep_ms(20 * turn)
        first.cancel()
        second.cancel()
        await asyncio.sleep_ms(0)
        print("given up", turn)
        await line("next")
asyncio.run(main())
print("over")
""",
        ram="24576",
    )
    with simulation(app) as board:
        board.expect("two wait")
        board.send("one\rtwo\r")
        board.expect_all("^a 'one'", "^b 'two'")
        for turn in range(4):
            board.expect(f"^type {turn}")
            board.send(f"half {turn}")
            board.expect(f"^given up {turn}")
            board.send(" and half\r")
            board.expect(f"^next 'half {turn} and half'\r")
        board.expect("^over")
        assert "given up '" not in board.transcript
        assert "given up, too" not in board.transcript


def test_modules_in_the_folder_lib_are_imported(simulation, tmp_path) -> None:
    source = tmp_path / "app"
    (source / "lib" / "package").mkdir(parents=True)
    (source / "main.py").write_text("import sys\nimport one\nfrom package import two\nprint(one.NAME, two.NAME)\n")
    (source / "lib" / "one.py").write_text("NAME = __name__\n")
    (source / "lib" / "package" / "__init__.py").write_text("")
    (source / "lib" / "package" / "two.py").write_text("NAME = __name__\n")
    built = tmp_path / "app.tbf"
    built.write_bytes(build(source).tbf.encode())
    with simulation(built) as board:
        board.expect(r"^one package\.two\r")


SERVICE = """
from adder import ipc
service = ipc.Service("svc")
print("svc: up")
while True:
    client, buffer = service.wait()
    if buffer:
        buffer[0] = buffer[0] + 1 & 0xFF
    service.answer(client)
"""

CLIENTS = {
    "ends": "import sys\nwhile True:\n    client.notify()\n    sys.exit(0)",
    "restarts": "import syscall\nclient.notify()\nsyscall.restart()",
    "floods": "import syscall\nwhile True:\n    try:\n        syscall.command(0x10000, 2, client.number)\n"
    "    except OSError:\n        pass",
    "deaf": "client.notify()\nwhile True:\n    pass",
    "bare": "bare = ipc.Client('svc')\nwhile True:\n    bare.notify()\n    bare.wait()\n    time.sleep_ms(5)",
}


def test_a_service_outlives_clients_that_do_anything(simulation, python_app) -> None:
    begin = "import time\nfrom adder import ipc\ntime.sleep_ms(100)\nclient = ipc.Client('svc', 32)\n"
    good = "for i in range(100):\n    client.notify()\n    client.wait()\n    time.sleep_ms(3)\n"
    good += "print('good', client.buffer[0])"
    apps = [python_app(SERVICE, name="svc")]
    apps += [python_app(begin + good, name=f"good{i}") for i in range(3)]
    apps += [python_app(begin + text, name=name) for name, text in CLIENTS.items()]
    with simulation(*apps) as board:
        for _ in range(3):
            board.expect(r"good 100\r", timeout=60)
        assert board.transcript.count("svc: up") == 1
        assert "Faulted" not in board.transcript


def test_a_client_learns_that_its_service_has_ended(simulation, python_app) -> None:
    service = (
        "import time\nfrom adder import ipc\ns = ipc.Service('svc')\ns.wait()\ntime.sleep_ms(50)\nprint('svc: ends')"
    )
    client = """
import asyncio, syscall, time
from adder import ipc
time.sleep_ms(100)
async def ask():
    await client.answer()
client = ipc.Client("svc", 32)
client.notify()
try:
    WAIT
except syscall.SyscallError as error:
    print("told", error.errno == syscall.UNINSTALLED)
"""
    for wait in ("client.wait()", "asyncio.run(ask())"):
        with simulation(python_app(service, name="svc"), python_app(client.replace("WAIT", wait), ram=20480)) as board:
            board.expect("told True", timeout=20)


def test_a_service_that_the_kernel_starts_again_is_not_there_meanwhile_and_then_answers(simulation, python_app) -> None:
    service = """
from adder import ipc
s = ipc.Service("svc")
print("svc: up")
client, buffer = s.wait()
s.answer(client)
raise ValueError("the service fails")
"""
    client = """
import syscall, time
from adder import ipc
time.sleep_ms(100)
client = ipc.Client("svc", 32)
answers = away = 0
while answers < 3:
    try:
        client.notify()
        client.wait()
        answers += 1
    except syscall.SyscallError as error:
        if error.errno != syscall.UNINSTALLED:
            raise
        away += 1
    time.sleep_ms(7)
print("answered", answers, "and away", away > 3)
"""
    with simulation(python_app(service, name="svc"), python_app(client, name="client")) as board:
        board.expect("answered 3 and away True", timeout=20)
        assert board.transcript.count("svc: up") >= 3


def test_each_byte_of_a_slow_stream_goes_out_once_whoever_drains_it_or_gives_up(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio, io
class Slow(io.IOBase):
    got = b""
    def write(self, data):
        self.got += bytes(data[:4])
        return min(4, len(data))
    def ioctl(self, request, argument):
        return argument & 4 if request == 3 else 0
async def main():
    slow = Slow()
    writer = asyncio.StreamWriter(slow)
    async def send(data):
        writer.write(data)
        await writer.drain()
    await asyncio.gather(send(b"a" * 16), send(b"b" * 16), send(b"c" * 16))
    print("together:", slow.got)
    slow.got = b""
    task = asyncio.create_task(send(b"0123456789abcdef"))
    for i in range(3):
        await asyncio.sleep_ms(0)
    task.cancel()
    await send(b"NEXT")
    print("given up:", slow.got)
asyncio.run(main())
""",
        ram="24576",
    )
    with simulation(app) as board:
        board.expect("given up: .*\r", timeout=60)
    assert f"together: b'{'a' * 16}{'b' * 16}{'c' * 16}'\r" in board.transcript
    assert "given up: b'0123456789abcdefNEXT'\r" in board.transcript


def test_two_tasks_and_a_blocking_call_get_their_own_random_bytes(simulation, python_app) -> None:
    # The source is slow, since another app never stops asking.
    greedy = python_app("from adder import rng\nwhile True:\n    rng.read(2048)", name="greedy", ram=20480)
    app = python_app(
        """
import asyncio, os
from adder import rng
seen = set()
async def ask():
    for i in range(10):
        seen.add(await rng.get(16))
async def give_up():
    for i in range(5):
        try:
            await asyncio.wait_for_ms(rng.get(64), 1)
        except asyncio.TimeoutError:
            pass
async def block():
    for i in range(5):
        seen.add(rng.read(16))
        seen.add(os.urandom(16))
        await asyncio.sleep_ms(2)
asyncio.run(asyncio.wait_for(asyncio.gather(ask(), ask(), give_up(), block()), 1000))
print("random:", len(seen), bytes(16) not in seen)
""",
        ram="24576",
    )
    with simulation(app, greedy) as board:
        board.expect(r"random: 30 True\r", timeout=60)


def test_random_differs_as_the_boards_source_does(simulation, python_app) -> None:
    app = python_app("import random\nprint('random', [random.getrandbits(30) for _ in range(3)], 'end')")
    shown = set()
    for seed in (b"0123456789abcdef", b"fedcba9876543210"):
        with simulation(app, seed=seed) as board:
            shown.add(board.expect(r"random (.*) end")[1])
    assert len(shown) == 2


def test_errors_say_what_to_do(simulation, python_app, tmp_path) -> None:
    from adder.apps.python_app import build

    app = python_app(
        """
import syscall
from adder import led, sensors
none = sensors.Sensor(0x90001, "of none")
calls = (
    lambda: led.toggle(0), lambda: syscall.command(1, 70), sensors.temperature.read, none.read, lambda: bytearray(50000)
)
for call in calls:
    try:
        call()
    except (OSError, MemoryError) as error:
        print("says:", error)
""",
        permissions='["console", "nonvolatile_storage", "screen", "alarm"]',
    )
    folder = tmp_path / "withlib"
    (folder / "lib").mkdir(parents=True)
    (folder / "main.py").write_text("import helper\nprint(helper.text)\n")
    (folder / "lib" / "helper.py").write_text("text = 'from lib'\n")
    other = tmp_path / "withlib.tbf"
    other.write_bytes(build(folder).tbf.encode())
    with simulation(other) as board:
        board.expect("from lib")
    with simulation(app) as board:
        for text in (
            "NODEVICE: command 3 of driver 0x2 needs the permission 'led' in the app's settings",
            "NODEVICE: command 70 of driver 0x1 needs the permission 'console' with this command in the app's settings",
            "NODEVICE: subscribe 0 of driver 0x60000 needs the permission 'temperature' in the app's settings",
            "NODEVICE: subscribe 0 of driver 0x90001: this board has no screen",
            "no room for 50000 bytes; raise 'ram' in the app's settings",
        ):
            found = board.expect(r"says: (.*)\r")
            assert text in found[1].decode()


def test_a_stream_that_wakes_nobody_is_asked_again_and_again(simulation, python_app) -> None:
    # As MicroPython's own drivers in Python are written: it can be read when a time has come.
    app = python_app(
        """
import asyncio, io, select, sys, time
class Later(io.IOBase):
    def __init__(self, ms):
        self.begin = time.ticks_ms()
        self.end = time.ticks_add(self.begin, ms)
        self.looks = 0
    def read(self, n):
        return b"%d" % time.ticks_diff(time.ticks_ms(), self.begin)
    def ioctl(self, request, argument):
        self.looks += 1
        return argument & 1 if request == 3 and time.ticks_diff(time.ticks_ms(), self.end) >= 0 else 0
def waits(timeout, *others):
    later, poller = Later(50), select.poll()
    for stream in (later,) + others:
        poller.register(stream, select.POLLIN)
    poller.poll(timeout)
    print("after", later.read(9).decode())
waits(200)
waits(-1)
waits(-1, sys.stdin)
print("after", select.select([Later(50)], [], [])[0][0].read(9).decode())
async def reads(also=None):
    if also:
        asyncio.create_task(also)
    print("after", (await asyncio.StreamReader(Later(50)).read(9)).decode())
asyncio.run(reads())
asyncio.run(reads(asyncio.StreamReader(sys.stdin).readline()))
asyncio.run(reads(asyncio.sleep(1)))
async def types():
    later = Later(300)
    task = asyncio.create_task(asyncio.StreamReader(later).read(9))
    print("type")
    await asyncio.StreamReader(sys.stdin).readline()
    print("typed", task.done(), (await task).decode())
    looks = later.looks
    await asyncio.sleep_ms(50)
    print("and then", later.looks - looks)
asyncio.new_event_loop()
asyncio.run(types())
""",
        ram=24576,
    )
    with simulation(app) as board:
        for _ in range(7):
            found = board.expect(r"^after (\d+)\r")
            assert 50 <= int(found[1]) <= 55
        board.expect("^type\r")
        board.send("x\r")
        found = board.expect(r"^typed False (\d+)\r")
        assert 300 <= int(found[1]) <= 305
        board.expect("^and then 0\r")


def test_a_wait_in_a_handler_takes_nothing_from_the_wait_around_it(simulation, python_app) -> None:
    app = python_app(
        """
import syscall
ADC, BUZZER = 0x5, 0x90000
def samples():
    syscall.command(ADC, 3, 0, 100)  # 32 of them, 100 a second
def takes(*arguments):
    samples()
    syscall.yield_wait_for(ADC, 1)
    print("inner")
def fails(*arguments):
    try:
        takes()
        raise KeyError
    finally:
        print("left")
syscall.allow_rw(ADC, 0, bytearray(64))
syscall.subscribe(BUZZER, 0, None)
for handler in (takes, fails):
    syscall.subscribe(ADC, 1, handler)
    samples()
    syscall.command(BUZZER, 1, 440, 500)  # it is over while the handler waits for more samples
    try:
        print("outer", syscall.yield_wait_for(BUZZER, 0)[0])
    except KeyError:
        print("outer is given up")
syscall.subscribe(ADC, 1, lambda *arguments: print("again"))
samples()
syscall.yield_wait()  # nobody waits any more: the handler runs
print("over")
""",
        ram=20480,
    )
    with simulation(app) as board:
        for line in ("inner", "outer 0", "inner", "left", "outer is given up", "again", "over"):
            board.expect(f"^{line}\r", timeout=20)


def test_a_sleep_of_many_seconds_is_not_over_at_once(simulation, python_app) -> None:
    apps = [
        python_app(f'import time\nprint("sleeps")\ntime.sleep({length})\nprint("over")', name=name)
        for name, length in (("weeks", "5_000_000"), ("ages", "1e20"), ("ever", 'float("inf")'))
    ]
    odd = python_app(
        """
import time
time.sleep(-1)
try:
    time.sleep(float("nan"))
except ValueError as error:
    print("odd:", error)
""",
        name="odd",
    )
    with simulation(*apps, odd) as board:
        board.expect("^odd: a number of seconds is wanted\r")
        board.run(200)
        assert board.transcript.count("sleeps") == len(apps)
        assert "over" not in board.transcript


def test_a_handler_that_polls_changes_nothing_for_the_poll_around_it(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio, io, select, sys, syscall, time
begin = time.ticks_ms()
def now():
    return time.ticks_diff(time.ticks_ms(), begin)
class Later(io.IOBase):
    at = 400
    def ioctl(self, request, argument):
        return argument & 1 if request == 3 and now() >= self.at else 0
    def read(self, n):
        return b"x"
later = Later()
console = select.poll()
console.register(sys.stdin, select.POLLIN)
syscall.subscribe(0x40001, 0, lambda *numbers: console.poll(0))
buffer = bytearray(8)
def happen():
    syscall.allow_rw(0x40001, 0, buffer)
    syscall.command(0x40001, 1, 8)
async def main():
    task = asyncio.create_task(asyncio.StreamReader(later).read(1))
    await asyncio.sleep_ms(10)
    happen()
    for i in range(10000):
        pass  # the upcall waits when the loop looks next
    asyncio.create_task(asyncio.sleep(2))
    await task
    print("late by", now() - later.at)
asyncio.run(main())
poller = select.poll()
poller.register(later, select.POLLIN)
later.at = now() + 400
happen()
poller.poll(3000)
print("late by", now() - later.at)
""",
        ram=24576,
    )
    with simulation(app) as board:
        for _ in range(2):
            assert int(board.expect(r"^late by (\d+)\r")[1]) <= 5
