"""Python apps: unprivileged processes on the one shared interpreter."""

import re

import pytest

from adder.apps.tbf import Program, PythonProgram, Tbf
from adder.board import ROOT


def test_print_input_and_time(simulation, python_app) -> None:
    app = python_app(
        """
import time
start = time.ticks_ms()
time.sleep_ms(250)
took = time.ticks_diff(time.ticks_ms(), start)
print("slept", 250 <= took < 260, took)
print("no line end", end="")
name = input("name? ")
print("hello", name)
"""
    )
    with simulation(app) as board:
        board.expect(r"slept True")
        board.expect(r"no line endname\? ")
        board.send("Ada\r")
        board.expect(r"Ada\r\nhello Ada\r\n")


def test_tasks_sleep_together(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio
from adder import alarm
async def tick(name, ms):
    for i in range(3):
        await alarm.sleep_ms(ms)
        print(name, i)
async def main():
    await asyncio.gather(tick("a", 100), tick("b", 70))
asyncio.run(main())
print("done")
"""
    )
    with simulation(app) as board:
        board.expect("done")
        assert re.findall(r"^([ab] \d)", board.transcript, re.MULTILINE) == ["b 0", "a 0", "b 1", "a 1", "b 2", "a 2"]


def test_eight_python_apps_and_two_c_apps_run_at_once(simulation) -> None:
    names = (
        "blink-py",
        "clock-py",
        "rot13-py",
        "rot13-client-py",
        "logger-py",
        "benchmark-py",
        "misbehave-hog",
        "misbehave-loop",
    )
    with simulation("hello", "rot13-client", *names) as board:
        board.expect_all(
            r"hello: hello, 5 of 5",
            r"rot13 for C: Uryyb sebz P",
            r"rot13 for Python: Uryyb sebz Clguba",
            r"clock 00:00:05",
            r"benchmark: commands",
            r"app misbehave-hog: restart in 200 ms",
        )
        assert "not started" not in board.transcript


def test_a_service_in_python_serves_c_and_python(simulation) -> None:
    with simulation("rot13-py", "rot13-client", "rot13-client-py") as board:
        board.expect("rot13 for C: Hello from C", timeout=20)
        board.expect("rot13 for C: Uryyb sebz P", timeout=20)
        assert "rot13 for Python: Hello from Python" in board.transcript


def test_blink_costs_little() -> None:
    data = (ROOT / "build" / "apps" / "blink-py.tbf").read_bytes()
    tbf = Tbf.decode(data)
    program = tbf.header.find(Program)
    assert program is not None
    assert tbf.header.find(PythonProgram) is not None
    assert program.min_ram + 1024 <= 12 * 1024
    romfs = tbf.binary[16:]
    bytecode = len(romfs) - 30  # at least: what the file system adds
    assert len(data) <= bytecode + 512


def test_an_uncaught_exception_shows_its_traceback_and_the_apps_name(simulation, python_app) -> None:
    app = python_app("def inner():\n    return {}['key']\n\ninner()", name="careless")
    with simulation(app, "hello") as board:
        board.expect(
            r"app careless: uncaught exception\r\nTraceback \(most recent call last\):\r\n"
            r'  File "careless.py", line 8, in <module>\r\n'
            r'  File "careless.py", line 6, in inner\r\nKeyError: key'
        )
        board.expect(r"app careless: restart in 200 ms", timeout=20)
        board.expect(r"hello: hello, 3 of 5", timeout=20)
        assert "R0 :" not in board.transcript
        assert "App Status" not in board.transcript


@pytest.mark.parametrize(
    ("text", "code"),
    [("import sys; sys.exit(3)", 3), ("raise SystemExit", 0), ("pass", 0), ("raise SystemExit('sorry')", 1)],
)
def test_system_exit_is_a_completion_code(simulation, python_app, text, code) -> None:
    watcher = """
import struct, syscall, time
time.sleep_ms(300)
buffer = bytearray(64)
syscall.allow_rw(0x10002, 0, buffer)
count = syscall.command(0x10002, 2)
pid = struct.unpack_from("<II", buffer)
for i in pid:
    syscall.command(0x10002, 5, i)
    print("state", struct.unpack_from("<IIII", buffer)[3])
"""
    with simulation(python_app(text, name="leaver"), python_app(watcher, name="watcher")) as board:
        board.expect(r"state 5")  # terminated
        assert "Faulted" not in board.transcript
        if code == 1:
            assert "sorry" in board.transcript


MISBEHAVIOURS = {
    "hog": "MemoryError: the hog gives up",
    "recurse": "RuntimeError: ",
    "recurse-in-c": "RuntimeError: maximum recursion depth exceeded",
    "big-int": "MemoryError: ",
    "machine-code": "NotImplementedError: machine code needs 'native = true'",
}


@pytest.mark.parametrize("way", MISBEHAVIOURS)
def test_what_the_interpreter_stops_ends_in_an_exception(simulation, way) -> None:
    with simulation(f"misbehave-{way}", "hello", "blink-py") as board:
        board.expect(rf"app misbehave-{way}: uncaught exception\r\n", timeout=20)
        board.expect(re.escape(MISBEHAVIOURS[way]), timeout=20)
        board.expect(rf"app misbehave-{way}: restart in", timeout=20)
        board.expect(r"hello: hello, 4 of 5", timeout=20)
        assert "nobody stopped" not in board.transcript


FORBIDDEN = (
    "read-kernel", "write-kernel", "write-kernel-heap", "write-interpreter", "read-peripheral", "write-system",
    "read-last-ram", "forge", "forge-kernel",
)  # fmt: skip


@pytest.mark.parametrize("way", FORBIDDEN)
def test_what_the_mpu_stops_ends_in_a_fault(simulation, way) -> None:
    with simulation(f"misbehave-{way}", "hello") as board:
        board.expect(rf"App: misbehave-{way}   -   \[Faulted\]", timeout=20)
        board.expect(r"hello: hello, 3 of 5", timeout=20)
        assert "nobody stopped" not in board.transcript
        assert re.search(r"(Data|Instruction) Access Violation|Bus Error", board.transcript)


def test_the_rest_harms_nobody(simulation) -> None:
    with simulation("misbehave-loop", "misbehave-close-stdin", "misbehave-allow", "misbehave-flood", "hello") as board:
        board.expect_all(
            r"hello: hello, 5 of 5",
            "the kernel took none of it",
            "still here after closing stdin",
            "the flood is over",
        )


@pytest.mark.parametrize("ram", [10240, 16384, 33000, 50000, 70000, 100000, 172032])
def test_whatever_its_ram_there_is_room_for_grants(simulation, python_app, ram) -> None:
    app = python_app("print('it prints')", ram=ram // 8 * 8)
    with simulation(app) as board:
        board.expect("it prints")


def test_modules_that_programs_expect_are_there(simulation, python_app) -> None:
    names = (
        "asyncio json struct time random re collections math cmath binascii hashlib array heapq errno io os select "
        "gc micropython sys uctypes deflate platform vfs syscall adder"
    )
    app = python_app(f"for name in '{names}'.split():\n    __import__(name)\nprint('all there')", ram=20480)
    with simulation(app) as board:
        board.expect("all there", timeout=20)


@pytest.mark.parametrize("name", ["machine", "kernel", "mint", "cells", "board", "capsules.core.led"])
def test_modules_of_the_kernel_are_not(simulation, python_app, name) -> None:
    app = python_app(f"try:\n    __import__('{name}')\nexcept ImportError as error:\n    print('absent:', error)")
    with simulation(app) as board:
        board.expect(rf"absent: no module named '{name.split('.')[0]}'")


@pytest.mark.parametrize("name", ["board", "capsules.core.led", "capsules.drivers.cmsdk.fpgaio"])
def test_the_kernels_frozen_modules_reached_by_force_have_no_power(simulation, python_app, name) -> None:
    # The beginning of their bytecode lies in flash that all may read (board/kernel.ld), but what they import does not
    # exist for a process. The rest, and all of their machine code, no process may read.
    app = python_app(
        f"""
import sys
sys.path.append(".frozen/.kernel")
try:
    __import__("{name}")
    print("imported", "it")
except ImportError as error:
    print("no:", error)
"""
    )
    with simulation(app, "hello") as board:
        board.expect_all(r"hello: hello, 3 of 5", r"no: no module named|App: py +- +\[Faulted\]")
        assert "imported it" not in board.transcript


def test_each_process_has_its_own_state(simulation, python_app) -> None:
    text = """
import sys, time, random
import adder
random.seed({0})
adder.mark = {0}
sys.path.append("{0}")
time.sleep_ms(100)
print("state {0}:", adder.mark, sys.path[-1], sys.argv[0], random.getrandbits(30))
"""
    apps = [python_app(text.format(i), name=f"n{i}") for i in range(4)]
    with simulation(*apps) as board:
        for _ in apps:
            board.expect(r"state \d: .*\r\n", timeout=20)
        rows = dict(re.findall(r"state (\d): (.*?)\r?\n", board.transcript))
    assert len(rows) == 4
    assert all(row.startswith(f"{i} {i} n{i} ") for i, row in rows.items())
    assert len({row.split()[-1] for row in rows.values()}) == 4


def test_a_sensor_logger(simulation) -> None:
    with simulation("logger-py") as board:
        for _ in range(3):
            found = board.expect(r"logger: (\d+\.\d\d) degrees Celsius, coldest (\d+\.\d\d), warmest (\d+\.\d\d)\r\n")
            now, coldest, warmest = map(float, found.groups())
            assert 18 <= coldest <= now <= warmest <= 26


def test_package_with_data(simulation, tmp_path) -> None:
    from adder.apps.python_app import build

    folder = tmp_path / "parcel"
    (folder / "inner").mkdir(parents=True)
    (folder / "main.py").write_text("from inner.part import shout\nprint(shout(open('greeting.txt').read()))\n")
    (folder / "inner" / "__init__.py").write_text("")
    (folder / "inner" / "part.py").write_text("def shout(text):\n    return text.upper().strip() + '!'\n")
    (folder / "greeting.txt").write_text("good day\n")
    path = tmp_path / "parcel.tbf"
    path.write_bytes(build(folder).tbf.encode())
    with simulation(path) as board:
        board.expect("GOOD DAY!")


def test_bytecode_runs_in_place(simulation, python_app) -> None:
    # A long function: were its bytecode copied to RAM, the heap would not hold it.
    lines = "\n".join(f"    x = x + {i}" for i in range(3000))
    app = python_app(f"import gc\ndef f(x):\n{lines}\n    return x\nprint('sum', f(0), gc.mem_alloc() < 4096)")
    with simulation(app) as board:
        board.expect(rf"sum {sum(range(3000))} True")


def test_raw_driver_interface(simulation, python_app) -> None:
    app = python_app(
        """
import syscall
print("leds", syscall.command(2, 0))
calls = (
    lambda: syscall.command(2, 1, 99),
    lambda: syscall.command(0x12345, 0),
    lambda: syscall.allow_ro(1, 77, b"x"),
)
for call in calls:
    try:
        call()
    except syscall.SyscallError as error:
        print("refused:", error.args, error.errno)
got = []
syscall.subscribe(0, 0, lambda a, b, c: got.append((a, b, c)))
syscall.command(0, 5, 1000)
syscall.yield_wait()
print("upcalls", len(got), len(got[0]))
syscall.subscribe(0, 0, None)
syscall.command(0, 5, 1000)
now, expiry, _ = syscall.yield_wait_for(0, 0)
print("waited for", now != 0, expiry != 0)
"""
    )
    with simulation(app) as board:
        board.expect("leds 2")
        board.expect(r"refused: \(6, 'INVAL: command 1 of driver 0x2 \(led\): it does not take these arguments'\) 6")
        board.expect(r"refused: \(11, 'NODEVICE: command 0 of driver 0x12345: this board has no such driver'\) 11")
        board.expect(r"refused: \(10, 'NOSUPPORT: allow_ro 77 of driver 0x1 \(console\): it does not do that'\) 10")
        board.expect("upcalls 1 3")
        board.expect("waited for True True")


def test_permissions_hold_for_python_too(simulation, python_app) -> None:
    app = python_app(
        "from adder import led\ntry:\n    led.toggle(0)\nexcept OSError as error:\n    print('no LED:', error)",
        permissions='["console"]',
    )
    with simulation(app) as board:
        board.expect(r"no LED: .*NODEVICE")


def test_the_prompt(simulation) -> None:
    with simulation("repl-py", "hello") as board:
        board.expect(">>> ")
        board.send("2**70\r")
        board.expect("1180591620717411303424")
        board.send("import uctypes; uctypes.bytearray_at(0x20000000, 4)[0]\r")
        board.expect(r"App: repl-py   -   \[Faulted\]", timeout=20)
        board.expect(r"app repl-py: restart in \d+ ms", timeout=20)
        board.expect(">>> ", timeout=20)
        board.send("import time\r")
        board.send("while True: time.sleep(1)\r\r")
        board.expect("sleep")
        board.run(0.2)
        board.send("\x03")
        board.expect("KeyboardInterrupt")
        board.expect(">>> ")
        board.send("\x04")
        board.expect("MPY: soft reboot")
        board.expect(">>> ")


def test_crashing_and_spinning_python_delays_the_rest_by_no_more_than_slices_and_reports(simulation) -> None:
    apps = ("misbehave-loop", "misbehave-hog", "misbehave-read-kernel", "misbehave-recurse", "blink-py")
    with simulation("lateness", *apps) as board:
        found = board.expect(r"lateness: 200 alarms, (\d+) early, at most (\d+) us late", timeout=60)
    early, late = int(found[1]), int(found[2])
    assert early == 0
    # At worst each of four others has a slice of 10 ms before it, and three of them a fault report: 60 ms each,
    # since QEMU's UART asks for the next byte at once, for as long as there are any.
    assert late < 220_000


def test_the_tools_know_which_modules_an_app_can_import(simulation, python_app) -> None:
    from adder.apps.python_imports import image_modules

    names = sorted(image_modules() - {"__main__"})
    assert {"adder", "asyncio", "syscall", "time"} <= set(names)
    absent = ["machine", "numpy", "kernel", "mint", "cells", "network"]
    text = f"""
for name in {[*names, *absent]!r}:
    try:
        __import__(name)
        print("has", name)
    except ImportError:
        print("lacks", name)
print("end")
"""
    with simulation(python_app(text, name="imports", ram=32768)) as board:
        board.expect(r"^end", timeout=20)
        said = board.transcript.replace("\r", "").splitlines()
    assert [line[4:] for line in said if line.startswith("has ")] == names
    assert [line[6:] for line in said if line.startswith("lacks ")] == absent
