"""Buttons, pins, random bytes and storage in the real image, for C apps and for the Python library."""

import re

import pytest

from adder.run.simulate import SimulationError

STORES = "{{ write_id = {0}, read_ids = [{0}], modify_ids = [{0}] }}"


def until(board, act, pattern: str) -> re.Match[bytes]:
    """Do something again and again until the console shows the pattern: the app may not listen yet."""
    for attempt in range(50):
        act(attempt)
        try:
            return board.expect(pattern, timeout=0.3)
        except SimulationError:
            continue
    return board.expect(pattern)


# -- Buttons


def test_buttons_in_c(simulation) -> None:
    with simulation("buttons") as board:
        board.expect("buttons: 4 of them, pressed now: none")
        for button in (2, 0, 3):
            board.press(button)
            board.expect(rf"buttons: {button} pressed\b")
            board.release(button)
            board.expect(rf"buttons: {button} released\b")


def test_two_buttons_at_once_and_two_apps(simulation, python_app) -> None:
    app = python_app(
        """
from adder import button
from syscall import command, subscribe, yield_wait
subscribe(3, 0, lambda i, state, _: print("python", i, state))
for i in range(button.count()):
    command(3, 1, i)
print("python ready")
while True:
    yield_wait()
"""
    )
    with simulation("buttons", app) as board:
        board.expect_all("python ready", "pressed now: none")
        board.press(0)
        board.press(1)
        for pattern in (r"python 0 1", r"python 1 1"):
            board.expect(pattern)
        board.release(1)
        board.expect(r"python 1 0")
        board.release(0)
        board.expect(r"python 0 0")
        said = [f"buttons: {button} {what}" for button in (0, 1) for what in ("pressed", "released")]
        board.expect_all(*said)
        assert all(board.transcript.count(one) == 1 for one in said)


def test_waiting_for_buttons_in_python(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio
from adder import button
print("count", button.count(), button.is_pressed(1))
button.wait_pressed(1)
print("went down", button.is_pressed(1))
button.wait_released(1)
print("went up", button.is_pressed(1))
async def wait(i):
    await button.pressed(i)
    print("task", i)
async def main():
    await asyncio.gather(wait(0), wait(2))
    print("both")
asyncio.run(main())
""",
        ram=16384,
    )
    with simulation(app) as board:
        board.expect("count 4 False")

        def push(button):
            return lambda attempt: board.release(button) if attempt % 2 else board.press(button)

        until(board, push(1), "went down")
        until(board, lambda attempt: board.press(1) if attempt % 2 else board.release(1), "went up")
        until(board, push(2), "task 2")
        until(board, push(0), "task 0")
        board.expect("both")


def test_a_button_held_since_the_start_reads_as_pressed(simulation, python_app) -> None:
    app = python_app(
        "import time\nfrom adder import button\nwhile not button.is_pressed(3): time.sleep_ms(50)\nprint('held')"
    )
    with simulation(app) as board:
        board.press(3)
        board.expect("held")


# -- Pins


def test_pins_in_c(simulation) -> None:
    with simulation("pins") as board:
        board.expect("pins: 8 of them, pin 1 is 1")
        assert (board.pin(0), board.pin(1)) == (1, 1)
        for change, level in ((1, 0), (2, 1), (3, 0)):
            board.set_pin(1, level)
            board.expect(rf"pins: pin 1 is {level}, change {change}\b")
            assert board.pin(0) == level
        board.set_pin(1, None)
        board.expect(r"pins: pin 1 is 1, change 4\b")


def test_pins_in_python(simulation, python_app) -> None:
    app = python_app(
        """
from adder import gpio
out = gpio.Pin(5).output()
for level in (1, 0, 1):
    out.set() if level else out.clear()
    input("set? ")
out.toggle()
print("toggled", out.read())
out.release()
a = gpio.Pin(2).input(gpio.PULL_DOWN)
print("reads", a.read(), "of", gpio.count())
print("rising", a.wait_edge(gpio.RISING))
print("falling", a.wait_edge(gpio.FALLING))
for number, call in enumerate((lambda: gpio.Pin(8).set(), lambda: gpio.Pin(0).input(3))):
    try:
        call()
    except OSError as error:
        print("refused", number, error)
import asyncio
async def main():
    print("either", await gpio.Pin(2).edge())
asyncio.run(main())
""",
        ram=16384,
    )
    with simulation(app) as board:
        for level in (1, 0, 1):
            board.expect(r"set\? ")
            assert board.pin(5) == level
            assert all(board.pin(other) == 0 for other in range(8) if other != 5)
            board.send("\r")
        board.expect("toggled 0")
        board.expect("reads 0 of 8")
        until(board, lambda attempt: board.set_pin(2, 1 - attempt % 2), "rising 1")
        until(board, lambda attempt: board.set_pin(2, attempt % 2), "falling 0")
        board.expect("refused 0 .*INVAL")
        board.expect("refused 1 .*NOSUPPORT")
        until(board, lambda attempt: board.set_pin(2, 1 - attempt % 2), r"either [01]")


def test_the_board_sleeps_while_nobody_waits_for_an_edge(simulation) -> None:
    alarm_control = 0x40002028
    for app, ticks in (("echo", False), ("buttons", True)):
        with simulation(app) as board:
            board.expect("echo: ready|pressed now: none")
            board.run(0.3)
            assert bool(board.read_word(alarm_control) & 0x80) == ticks


def test_two_pins_are_wired_together(simulation, python_app) -> None:
    app = python_app(
        """
from adder import gpio
out, back = gpio.Pin(6).output(), gpio.Pin(7).input()
for level in (1, 0, 1):
    out.set() if level else out.clear()
    print("hears", back.read())
    input("next? ")
""",
        ram=16384,
    )
    with simulation(app) as board:
        board.wire(7, 6)
        for level in (1, 0):
            board.expect(f"hears {level}")
            assert board.pin(7) == level
            board.expect("next")
            board.wire(6, None if level == 0 else 7)
            board.send("\r")
        board.expect("hears 0")  # the wire is gone


def test_the_thermometer_measures_what_is_set(simulation, python_app) -> None:
    app = python_app(
        """
from adder.sensors import temperature
while True:
    print("it is", temperature.read())
    input("next? ")
""",
        ram=16384,
    )
    with simulation(app) as board:
        for degrees in (31.5, -12.25, None):
            board.set_sensor("temperature", degrees)
            board.send("\r")
            if degrees is not None:
                board.expect(rf"it is {degrees}\d*\r\n")
        assert 18 <= float(board.expect(r"it is ([\d.]+)\r\n")[1]) <= 26


# -- Random bytes


def test_random_bytes_in_c(simulation) -> None:
    with simulation("dice") as board:
        found = board.expect(r"dice: (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)\b", timeout=30)
    thrown = [int(one) for one in found.groups()]
    assert sum(thrown) == 6000
    assert all(850 < one < 1150 for one in thrown)


def test_random_bytes_in_python_and_the_seed(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio
from adder import rng
print("bytes", rng.read(100).hex())
print("none", rng.read(0))
async def main():
    print("more", (await rng.get(7)).hex())
asyncio.run(main())
"""
    )
    seen = []
    for seed in (None, None, b"another seed 16b"):
        with simulation(app, seed=seed) as board:
            seen.append(board.expect(r"bytes ([0-9a-f]{200})\r\n")[1])
            board.expect("none b''")
            board.expect(r"more [0-9a-f]{14}\r\n")
    assert seen[0] == seen[1] != seen[2]


def test_apps_that_ask_at_once_get_different_bytes(simulation, python_app) -> None:
    # Lines that the console sends in one piece: others come in between.
    text = "from adder import rng\nfor _ in range(10): print('app {0}', rng.read(12).hex())"
    with simulation(*[python_app(text.format(i), name=f"n{i}") for i in range(3)]) as board:
        for _ in range(30):
            board.expect(r"app \d [0-9a-f]{24}\r\n")
        parts = re.findall(r"app \d ([0-9a-f]{24})", board.transcript)
    words = [part[at : at + 8] for part in parts for at in range(0, 24, 8)]
    assert len(set(words)) == len(words)


# -- Storage


def test_storage_outlives_kills_and_resets_in_c(simulation) -> None:
    with simulation("counter") as board:
        for start in (1, 2, 3):
            board.expect(f"counter: start {start}, 2048 bytes of storage")
            board.kill()
            board.start()
        board.expect("counter: start 4")
        board.reset()
        board.expect("counter: start 5")


def test_what_is_stored_survives_another_app_flash(simulation, python_app) -> None:
    text = """
from adder import storage
print("old", storage.read(0, 4))
storage.write(0, b"{}")
print("stored")
"""
    first, second = (python_app(text.format(word), name=word, storage=STORES.format(9)) for word in ("here", "next"))
    with simulation(first) as board:
        board.expect(r"old b'\\xff\\xff\\xff\\xff'")
        board.expect("stored")
        board.kill()
        from adder.image.flash_image import FlashImage, read_app_file

        FlashImage(board.image).install([read_app_file(second)], only=True)
        board.start()
        board.expect("old b'here'")


def test_two_apps_cannot_reach_each_others_storage(simulation, python_app) -> None:
    text = """
import time
from adder import storage
storage.write(10, b"secret of {0}")
time.sleep_ms(200)
everything = storage.read(0, storage.size())
print("app {0} sees", sorted(w for w in (b"secret of 1", b"secret of 2") if w in everything))
for call in (
    lambda: storage.read(storage.size(), 1),
    lambda: storage.read(storage.size() - 1, 2),
    lambda: storage.read(0xfffffff0, 32),
    lambda: storage.write(0xfffff000, b"x"),
):
    try:
        call()
        print("BROKEN")
    except OSError as error:
        print("app {0}", error)
"""
    apps = [python_app(text.format(i), name=f"n{i}", ram=24576, storage=STORES.format(i)) for i in (1, 2)]
    none = python_app(
        "import time\nfrom adder import storage\ntime.sleep_ms(400)\n"
        "print('app 3 sees', b'secret' in storage.read(0, storage.size()))",
        name="n3",
        ram=24576,
    )
    with simulation(*apps, none) as board:
        sees = [rf"app {i} sees \[b'secret of {i}'\]" for i in (1, 2)]
        board.expect_all("app 3 sees False", *sees, *[rf"(?s)(app {i} .*INVAL.*){{4}}" for i in (1, 2)])
        assert board.run_until(lambda: board.transcript.count("INVAL") == 8, 5)
        assert "BROKEN" not in board.transcript


def test_storage_full_of_small_records_keeps_no_boot_and_no_app_from_its_service(simulation) -> None:
    # As apps leave it that write a byte at a time, in all pages but one.
    page, first = 4096, 16 + 2048
    with simulation("counter", "lateness") as board:
        storage = bytearray(b"\xff" * 16 * page)
        record = b"\x05\x00\x01\x00" + b"\x00\xff\xff\xff" + b"done"
        for number in range(15):
            at = number * page
            storage[at : at + 16] = b"Adr1" + bytes([number + 20, 0, 0, 0, number + 1, 0, 0, 0]) + b"good"
            storage[at + first : at + first + 169 * 12] = 169 * record
        with board.image.open("r+b") as image:
            image.seek(0x70000)
            image.write(storage)
        board.reset()
        board.expect("counter: start 1, 2048 bytes of storage", timeout=20)
        found = board.expect(r"lateness: 200 alarms, (\d+) early, at most (\d+) us late", timeout=20)
        assert "is off" not in board.transcript
    assert int(found[2]) < 10_000


def test_many_writes_and_a_kill_at_any_instant(simulation, python_app) -> None:
    # Each round writes one value to two places by one write: after a kill both are of the same round.
    app = python_app(
        """
import struct
from adder import storage
SIZE = 300
old = storage.read(100, SIZE)
first, last = struct.unpack_from("<I", old)[0], struct.unpack_from("<I", old, SIZE - 4)[0]
print("found", first, last)
n = 0 if first == 0xffffffff else first
while True:
    n += 1
    number = struct.pack("<I", n)
    storage.write(100, number + bytes(SIZE - 8) + number)
    if n % 20 == 0:
        print("round", n)
""",
        storage=STORES.format(77),
    )
    highest = 0
    with simulation(app) as board:
        for kill in range(8):
            first, last = (int(one) for one in board.expect(r"found (\d+) (\d+)\r\n").groups())
            assert first == last
            if kill:
                assert first >= highest
            rounds = 0
            for _ in range(3):
                rounds = int(board.expect(r"round (\d+)\r\n")[1])
            board.run(0.003 * kill)
            highest = rounds
            board.kill()
            board.start()


@pytest.mark.parametrize("size", [1, 511, 512, 513, 2048])
def test_pieces_of_any_size(simulation, python_app, size) -> None:
    app = python_app(
        f"""
from adder import storage
data = bytes((i * 7 + i // 256) % 251 for i in range({size}))
print("wrote", storage.write(2048 - {size}, data))
print("same", storage.read(2048 - {size}, {size}) == data)
""",
        ram=24576,
        storage=STORES.format(4),
    )
    with simulation(app) as board:
        board.expect(f"wrote {size}\r\n")
        board.expect("same True")


def test_the_logger_keeps_its_extremes(simulation) -> None:
    with simulation("logger-py") as board:
        found = [board.expect(r"coldest (\d+\.\d\d), warmest (\d+\.\d\d)\r\n") for _ in range(5)][-1]
        coldest, warmest = map(float, found.groups())
        board.kill()
        board.start()
        found = board.expect(r"coldest (\d+\.\d\d), warmest (\d+\.\d\d)\r\n")
        assert float(found[1]) <= coldest
        assert float(found[2]) >= warmest
