"""Sensors and digests in the real image, as a Python app has them; what their null commands and their work cost."""

import hashlib
import hmac as reference
import re
import zlib

from adder.run.simulated import QUANTITIES


def test_a_program_reads_every_sensor_as_the_host_has_set_it(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio
from adder import ninedof, sensors
names = "temperature humidity ambient_light pressure proximity sound_pressure".split()
names += "distance moisture rainfall co2 tvoc".split()
def show():
    for name in names:
        print(name, "is", getattr(sensors, name).read(), getattr(sensors, name).exists())
    for name in ("acceleration", "rotation", "magnetic_field"):
        print(name, "is", getattr(ninedof, name).read())
show()
input("set them ")
show()
async def all():
    return await asyncio.gather(*[getattr(sensors, name).get() for name in names], ninedof.rotation.get())
print("all", asyncio.run(all()))
""",
        ram=24576,
    )
    with simulation(app) as board:
        board.expect("set them ")
        first = dict(re.findall(r"^(\w+) is (.*)\r", board.transcript, re.MULTILINE))
        assert len(first) == 14
        assert (first["acceleration"], first["rotation"]) == ("(0, 0, 1000)", "(0, 0, 0)")
        assert 40 <= float(first["humidity"].split()[0]) <= 60
        values = {
            "temperature": -12.5, "humidity": 61.25, "ambient_light": 800, "pressure": 990, "proximity": 200,
            "sound_pressure": 71,
            "distance": 1234, "moisture": 33.5, "rainfall": 40, "co2": 555, "tvoc": 12, "acceleration-y": -1.5,
            "rotation-x": 2.5, "magnetic_field-z": -30,
        }  # fmt: skip
        for name, value in values.items():
            board.set_sensor(name, value)
        board.send("\r")
        board.expect(r"all \[(.*)\]\r")
        shown = dict(re.findall(r"^(\w+) is (.*)\r", board.transcript, re.MULTILINE))
    eleven = [value for name, value in values.items() if "-" not in name]
    assert [float(shown[name].split()[0]) for name in list(shown)[:11]] == eleven
    assert shown["acceleration"] == "(0, -1500, 1000)"
    assert shown["rotation"] == "(2500, 0, 0)"
    assert shown["magnetic_field"] == "(48, 0, -30)"
    assert set(values) < set(QUANTITIES)


def test_programs_have_their_digests_computed_at_once(simulation, python_app) -> None:
    text = """
import asyncio
from adder import crc, eui64, hmac, sha
data = bytes(range(256)) * 8
key = bytes([{0}]) * {1}
def show(*values):
    for value in values:  # a longer line is cut where another app has its turn
        print("app{0}", value if isinstance(value, int) else value.hex())
show(crc.compute(data), sha.compute(data), hmac.compute(key, data), eui64.read())
async def all():
    more = sha.get(b""), crc.get(b"123456789", crc.CRC_32C)
    return await asyncio.gather(crc.get(data), sha.get(data), hmac.get(key, data), *more)
show(*asyncio.run(all()))
print("app{0} is done")
"""
    sizes = {1: 3, 2: 64, 3: 100}
    apps = [python_app(text.format(n, size), name=f"n{n}", ram=24576) for n, size in sizes.items()]
    with simulation(*apps) as board:
        board.expect_all(*(f"app{n} is done" for n in sizes), timeout=60)
        shown = re.findall(r"^app(\d) ([0-9a-f]+)\r", board.transcript, re.MULTILINE)
    data = bytes(range(256)) * 8
    for n, size in sizes.items():
        code = reference.new(bytes([n]) * size, data, hashlib.sha256).hexdigest()
        three = [f"{zlib.crc32(data)}", hashlib.sha256(data).hexdigest(), code]
        expected = [*three, f"{0x02ADDE0000000001}", *three, hashlib.sha256(b"").hexdigest(), f"{0xE3069283}"]
        assert [line for app, line in shown if app == str(n)] == expected


def test_the_kernels_heap_is_untouched_by_sensors_and_digests_and_null_commands_are_cheap(
    simulation, python_app, kernel_symbols
) -> None:
    app = python_app(
        """
import syscall
from adder import crc, hmac, ninedof, sensors, sha
names = ("humidity ambient_light pressure proximity sound_pressure distance moisture rainfall co2 tvoc").split()
def all_of_them():
    for name in names:
        getattr(sensors, name).read()
    ninedof.rotation.read()
    hmac.compute(b"key", sha.compute(bytes(100)))
    crc.compute(b"12")
    crc.compute(b"123456789")
def cost(driver):
    # Of a hundred, in ticks of 25 MHz; in others the line that was printed last is still going out
    best = 1 << 30
    for _ in range(4):
        begin = syscall.command(0, 2)
        for _ in range(100):
            syscall.command(driver, 0)
        best = min(best, syscall.command(0, 2) - begin & 0xffffffff)
    return best
for _ in range(5):
    all_of_them()
input("first ")
input("begin ")
for _ in range(60):
    all_of_them()
input("end ")
led = cost(0x2)
others = [0x5, 0x10, 0x90000, 0x90009]
for driver in others + [0x30006, 0x40002, 0x40003, 0x40005, 0x60000, 0x60001, 0x60002] + list(range(0x60004, 0x6000C)):
    print("driver", hex(driver), "beyond an LED's:", cost(driver) - led)
print("over")
""",
        ram=16384,
    )
    with simulation(app) as board:
        board.expect("first ")
        board.send("\r")
        board.expect("begin ")
        counter = board.read_word(kernel_symbols["kernel_heap_bytes_allocated_ptr"].address)
        before = board.read_word(counter)
        board.send("\r")
        board.expect("end ", timeout=60)
        # The console takes a block of 16 bytes once, whatever the app does.
        assert 100 < before <= board.read_word(counter) <= before + 16
        board.send("\r")
        board.expect("over", timeout=60)
        beyond = dict(re.findall(r"driver (\w+) beyond an LED's: (-?\d+)\r", board.transcript))
    # An instruction is 0.8 of such ticks; an LED's null command has 334, and these are to have 700 at the most.
    assert len(beyond) == 19
    assert all(int(ticks) / 100 < 0.8 * (700 - 334) for ticks in beyond.values()), beyond


def test_programs_sample_voltages_and_make_pulses(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio, syscall
from adder import adc, buzzer, pwm, servo
input("set them ")
print("channels", adc.count(), "volts", [round(adc.volts(adc.read(n)), 2) for n in range(adc.count())])
print("filled", set(adc.fill(3, 1000, 100)))
async def both():
    more = await asyncio.gather(adc.get(1), adc.get_filled(2, 500, 10), adc.get(3), buzzer.play(880, 10))
    print("both", more[0], list(more[1]), more[2])
asyncio.run(both())
seen = []
syscall.subscribe(5, 1, lambda mode, channel, sample: seen.append((mode, channel, sample)))
syscall.command(5, 2, 1, 50)
while len(seen) < 5:
    syscall.yield_wait()
syscall.command(5, 5)
print("again", set(seen))
pwm.pulse(2, 1000, 0.25)
servo.turn(0, 90)
print("angle", servo.angle(0), "pins", pwm.count(), servo.count(), pwm.fastest(0))
input("pulses ")
pwm.stop(2)
buzzer.tone(440, 100)
for call in (lambda: adc.read(6), lambda: adc.fill(0, 0, 4), lambda: pwm.pulse(4, 1, 1), lambda: servo.turn(1, 0)):
    try:
        call()
    except syscall.SyscallError as error:
        print("refused", error.errno)
print("over")
""",
        ram=24576,
    )
    levels = [0, 0.55, 1.1, 1.65, 2.2, 3.3]
    samples = [round(1000 * volts) * 65536 // 3300 & 0xFFF0 for volts in levels]
    with simulation(app) as board:
        board.expect("set them ")
        for channel, volts in enumerate(levels):
            board.set_sensor(f"volts-{channel}", volts)
        board.send("\r")
        board.expect("pulses ", timeout=20)
        assert (board.pulses(2), board.pulses(4), board.pulses(5)) == ((1000, 2500), None, (50, 750))
        board.send("\r")
        board.expect("over", timeout=20)
        assert board.pulses(2) is None
        shown = dict(re.findall(r"^(\w+) (.*)\r", board.transcript, re.MULTILINE))
    assert re.findall(r"refused (\d+)", board.transcript) == ["6", "6", "6", "11"]
    assert shown["channels"] == "6 volts [0.0, 0.55, 1.1, 1.65, 2.2, 3.3]"
    assert shown["filled"] == f"{{{samples[3]}}}"
    assert shown["both"] == f"{samples[1]} {[samples[2]] * 10} {samples[3]}"
    assert shown["again"] == f"{{(1, 1, {samples[1]})}}"
    assert shown["angle"] == "90 pins 4 1 1000000"
