"""Upcalls: the answer to a command is never lost, whatever else is queued."""

from adder.apps.app_stubs import LIBRARY


def test_no_answer_is_lost_however_full_the_queue_is(simulation) -> None:
    with simulation("flood") as board:
        found = board.expect(r"flood: (\d+) answers waited for, (\d+) called; (\d+) events dropped\r?$", timeout=30)
        board.expect(r"flood: each once, (\d+) alarms, then busy")
    assert (int(found[1]), int(found[2])) == (6, 6)
    assert int(found[3]) == 1  # twelve alarms: ten in the queue, one in its place, which the next one takes


def test_edges_of_a_pin_leave_room_for_the_answer_to_print_and_are_counted_when_dropped(simulation) -> None:
    with simulation("flood-edges") as board:
        board.expect("edges: ready")
        acknowledged = board.pin(1)
        for edge in range(14):
            board.set_pin(0, (edge + 1) & 1)
            before = acknowledged
            assert board.run_until(lambda before=before: board.pin(1) != before, 5)
            acknowledged = board.pin(1)
        board.expect("edges: one[\\s\\S]*edges: two", timeout=30)
        found = board.expect(r"edges: (\d+) of 14 told, (\d+) dropped\r?$")
    assert int(found[1]) >= 10
    assert int(found[1]) + int(found[2]) == 14


def test_a_python_app_prints_and_asks_while_its_queue_is_full(simulation, python_app) -> None:
    app = python_app(
        """
import syscall
from adder import rng

def fill():
    for _ in range(12):
        syscall.command(0, 5, 0)

for number in range(3):
    fill()
    print("printed", number)
    fill()
    print("got", len(rng.read(5)))
""",
        ram='"16K"',
        permissions='["alarm", "console", "rng"]',
    )
    with simulation(app) as board:
        for number in range(3):
            board.expect(f"printed {number}", timeout=30)
            board.expect("got 5")


SENSORS = (
    "temperature", "humidity", "ambient_light", "proximity", "pressure", "sound_pressure", "co2", "tvoc", "distance",
    "moisture", "rainfall",
)  # fmt: skip
REQUESTS = {
    "adc": ["adc.read(0)", "adc.fill(0, 1000, 4)"],
    "buzzer": ["buzzer.tone(440, 1)"],
    "crc": ["crc.compute(b'x')"],
    "date_time": ["date_time.set(2026, 11, 28)", "date_time.read()"],
    "hmac": ["hmac.compute(b'k', b'x')"],
    "i2c": ["i2c.read(0x48, 2)", "i2c.write(0x48, b'x')", "i2c.write_read(0x48, b'x', 2)"],
    "ninedof": ["ninedof.acceleration.read()", "ninedof.rotation.read()", "ninedof.magnetic_field.read()"],
    "rng": ["rng.read(5)"],
    "sensors": [f"sensors.{name}.read()" for name in SENSORS],
    "sha": ["sha.compute(b'x')"],
    "spi": ["spi.exchange(b'x')", "spi.write(b'x')", "spi.read(1)"],
    "storage": ["storage.write(0, b'x')", "storage.read(0, 1)"],
}
"""What each module of the Python library that makes requests asks for."""


def test_all_modules_that_make_requests_are_known_here() -> None:
    making = {path.stem for path in LIBRARY.glob("*.py") if "upcall.requests(" in path.read_text()}
    assert making == set(REQUESTS)


def test_a_full_queue_keeps_no_driver_from_answering(simulation, python_app) -> None:
    # In three programs: the kernel has not the memory for one that uses all drivers.
    modules = sorted(REQUESTS)
    apps, expected = [], []
    for part in range(3):
        some = modules[part::3]
        calls = [call for module in some for call in REQUESTS[module]]
        body = "".join(
            f"fill()\n{call}\nprint('part {part} answered', {number})\n" for number, call in enumerate(calls)
        )
        text = f"""
import syscall
from adder import {", ".join(some)}

def fill():
    for _ in range(12):
        syscall.command(0, 5, 0)

{body}
"""
        apps.append(python_app(text, name=f"part{part}", ram="32768", stack=8192))
        expected += [f"^part {part} answered {number}\r" for number in range(len(calls))]
    with simulation(*apps) as board:
        board.expect_all(*expected, timeout=60)
