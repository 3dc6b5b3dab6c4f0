"""I2C and SPI in the real image, on QEMU's controllers, with QEMU's models of real chips on them."""

import re
from datetime import datetime

import pytest
from kernels import build_variant

from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import FIXED_DATE, Simulation, SimulationError


def test_a_program_finds_and_reads_chips_on_the_i2c_bus(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio, syscall
from adder import i2c
print("found", i2c.scan())
def show(what):
    high, low = what
    print("degrees", (high << 8 | low) / 256)
i2c.write(0x48, b"\\x01\\x60")
show(i2c.write_read(0x48, b"\\x00", 2))
input("next? ")
i2c.write(0x48, b"\\x00")
show(i2c.read(0x48, 2))
i2c.write(0x50, b"\\x00\\x10hello, memory")
for call in (
    lambda: i2c.read(0x31, 1),
    lambda: i2c.write(0x31, b"x"),
    lambda: i2c.write_read(0x31, b"x", 1),
    lambda: i2c.read(0x68, 1),
    lambda: i2c.read(0x48, 65),
    lambda: i2c.read(0x48, 0),
    lambda: i2c.read(0x80, 1),
    lambda: i2c.write_read(0x80, b"x", 1),
):
    try:
        call()
    except syscall.SyscallError as error:
        print("refused", error.errno)
async def main():
    await i2c.send(0x48, b"\\x00")
    both = asyncio.gather(i2c.get(0x48, 2), i2c.send_get(0x50, b"\\x00\\x10", 13))
    degrees, text = await both
    show(degrees)
    print(text)
asyncio.run(main())
""",
        ram=20480,
    )
    with simulation(app, devices=["at24c-eeprom,address=0x50,rom-size=4096"]) as board:
        board.set_tmp105(21.5)
        board.expect(r"found \[72, 80\]")  # not the clock at 0x68, which the kernel has for itself
        board.expect("degrees 21.5")
        board.set_tmp105(-40.0625)
        board.send("\r")
        board.expect(r"degrees -?\d")
        assert "degrees 215.9375" in board.transcript  # unsigned
        assert re.findall(r"refused (\d+)", _until(board, "hello, memory")) == [
            "13",
            "13",
            "13",
            "5",
            "7",
            "7",
            "6",
            "6",
        ]


def _until(board, text: str) -> str:
    board.expect(text)
    return board.transcript


def test_programs_share_the_i2c_bus_and_one_that_dies_holds_nobody_up(simulation, python_app) -> None:
    # Each program writes its own bytes to a place of its own, and reads them back; one of them dies again and again.
    text = """
from adder import i2c
place = bytes([{0}, 0])
mine = bytes([{0} * 16 + i for i in range(16)])
for round in range({1}):
    i2c.write(0x50, place + mine)
    if i2c.write_read(0x50, place, 16) != mine:
        print("app {0}: BROKEN")
    {2}
print("app {0}: done")
"""
    apps = [python_app(text.format(n, 30, "pass"), name=f"n{n}") for n in range(1, 5)]
    dying = python_app(text.format(5, 3, "if round == 1: 1 // 0"), name="dying")
    with simulation(*apps, dying, devices=["at24c-eeprom,address=0x50,rom-size=4096"]) as board:
        board.expect_all(*(f"app {n}: done" for n in range(1, 5)), timeout=60)
        assert "BROKEN" not in board.transcript
        assert board.transcript.count("ZeroDivisionError") >= 2


def moment(shown: str) -> datetime:
    """What a program has read, whose day of the week and of the year are right."""
    year, month, day, hour, minute, second, weekday, yearday = (int(part) for part in shown.strip("()").split(","))
    read = datetime(year, month, day, hour, minute, second)
    assert (weekday, yearday) == (read.weekday(), read.timetuple().tm_yday)
    return read


def test_the_date_is_read_and_goes_on_with_the_boards_time(simulation, python_app) -> None:
    app = python_app(
        """
import asyncio, time
from adder import date_time
print("now", date_time.read())
time.sleep(3600)
print("later", asyncio.run(date_time.get()))
""",
        ram=16384,
    )
    with simulation(app) as board:
        now = moment(board.expect(r"now (\(.*\))\r", timeout=10)[1].decode())
        later = moment(board.expect(r"later (\(.*\))\r", timeout=4000)[1].decode())
    assert 0 <= (now - datetime.fromisoformat(FIXED_DATE)).total_seconds() <= 1
    assert 3600 <= (later - now).total_seconds() <= 3601


def test_the_date_is_set(simulation, python_app) -> None:
    # With the host's clock: QEMU 7.2 computes a new date with that, whatever the board's clock is.
    app = python_app(
        """
import asyncio, syscall, time
from adder import date_time
date_time.set(2028, 2, 28, 23, 59, 57)
print("before", date_time.read())
while date_time.read()[1:3] == (2, 28):
    time.sleep_ms(50)
print("leap", date_time.read())
asyncio.run(date_time.put(2037, 2, 20))
print("last", date_time.read())
for wrong in ((2100, 1, 1), (2026, 2, 29), (2026, 13, 1), (2026, 1, 1, 24)):
    try:
        date_time.set(*wrong)
    except syscall.SyscallError as error:
        print("refused", error.errno)
print("over")
""",
        ram=20480,
    )
    with simulation(app, clock="counted") as board:
        board.expect("over", timeout=60)
        shown = dict(re.findall(r"^(\w+) (\(.*\))\r", board.transcript, re.MULTILINE))
        assert board.transcript.count("refused 6") == 4
    assert moment(shown["before"]).replace(second=0) == datetime(2028, 2, 28, 23, 59)
    assert moment(shown["leap"]).replace(second=0, minute=0) == datetime(2028, 2, 29)
    assert moment(shown["last"]).replace(second=0, minute=0) == datetime(2037, 2, 20)


def test_a_program_reads_a_converter_over_spi(simulation, python_app) -> None:
    # MAX1111: a byte with its highest bit set begins a conversion and names the input; the answer is in the next two.
    app = python_app(
        """
import asyncio, syscall
from adder import spi
print("rate", spi.configure(1_000_000), spi.configure(12_500_000))
def value(answer):
    return (answer[1] << 8 | answer[2]) >> 6 & 0xFF
def ask(channel):
    return bytes([0x8F | channel << 4, 0, 0])
values = [value(spi.exchange(ask(channel))) for channel in range(8)]
print("values", sorted(set(values)))
async def main():
    await spi.send(ask(3))
    both = await asyncio.gather(spi.swap(ask(4)), spi.swap(ask(1)), spi.get(2))
    print("tasks", [value(one) for one in both[:2]] == [values[4], values[1]], both[2])
asyncio.run(main())
spi.write(ask(2)[:1])
print("then", value(b"?" + spi.exchange(bytes(2))) == values[2], spi.read(2))  # 0xFF begins anew
print("long", len(spi.exchange(bytes(200))))
for call in (lambda: spi.configure(1), lambda: spi.exchange(b""), lambda: spi.read(0)):
    try:
        call()
    except syscall.SyscallError as error:
        print("refused", error.errno)
input("hold ")
""",
        name="first",
        ram=20480,
    )
    second = python_app(
        "import syscall, time\nfrom adder import spi\ntime.sleep_ms(300)\ntry: spi.read(1)\n"
        "except syscall.SyscallError as error: print('second', error.errno)",
        name="second",
    )
    inputs = ",".join(f"input{n}={17 + 50 * n}" for n in range(4))
    with simulation(app, second, devices=[f"max1111,{inputs}"]) as board:
        board.expect("rate 961538 12500000")
        board.expect("hold ")
        shown = dict(re.findall(r"^(values|tasks|then|long) (.*)\r", board.transcript, re.MULTILINE))
        nothing = r"b'\x00\x00'"
        assert shown == {
            "values": "[17, 67, 117, 167]", "tasks": f"True {nothing}", "then": f"True {nothing}", "long": "200",
        }  # fmt: skip
        assert re.findall(r"refused (\d+)", board.transcript) == ["6", "6", "6"]
        board.expect_all("second 9")


def test_a_device_that_qemu_does_not_have_is_an_error(simulation) -> None:
    with pytest.raises(SimulationError, match="no-such-chip"), simulation("hello", devices=["no-such-chip"]):
        pass


def test_the_kernels_thermometer_can_be_a_chip_on_the_bus(tmp_path, python_app) -> None:
    app = python_app(
        """
import asyncio, syscall
from adder import i2c
from adder.sensors import temperature
while True:
    print("degrees", temperature.read(), asyncio.run(temperature.get()))
    try:
        i2c.read(0x48, 2)
    except syscall.SyscallError as error:
        print("refused", error.errno)
    input("next? ")
""",
        ram=20480,
    )
    image = FlashImage(tmp_path / "flash.img")
    image.install([read_app_file(app)], only=True)
    with Simulation(build_variant("qemu", "TMP105=y"), image.path, clock="fast") as board:
        for degrees, shown in ((21.5, "21.5"), (-40.0625, "-40.07"), (127.9375, "127.93"), (0, "0.0")):
            board.set_tmp105(degrees)
            board.send("\r")
            board.expect(rf"degrees {re.escape(shown)}\d* {re.escape(shown)}\d*\r")
            board.expect("refused 5")


def test_the_kernels_heap_is_untouched_by_transfers_and_null_commands_are_cheap(
    simulation, python_app, kernel_symbols
) -> None:
    app = python_app(
        """
import gc, syscall
from adder import date_time, i2c, spi
from adder.sensors import temperature
def all_of_them():
    i2c.write(0x48, b"\\x00")
    i2c.write_read(0x48, b"\\x00", 2)
    try:
        i2c.read(0x31, 1)
    except syscall.SyscallError:
        pass
    spi.exchange(bytes(100))
    date_time.read()
    temperature.read()
def cost(driver):
    # Of a hundred, in ticks of 25 MHz
    begin = syscall.command(0, 2)
    for _ in range(1000):
        syscall.command(driver, 0)
    return (syscall.command(0, 2) - begin & 0xffffffff) // 10
for _ in range(5):
    all_of_them()
input("first ")
input("begin ")
for _ in range(100):
    all_of_them()
input("end ")
led = cost(0x2)
for driver in (0x20001, 0x20003, 0x90007):
    print("driver", driver, "beyond an LED's:", cost(driver) - led)
print("over")
""",
        ram=20480,
    )
    with simulation(app) as board:
        board.expect("first ")
        board.send("\r")
        board.expect("begin ")
        counter = board.read_word(kernel_symbols["kernel_heap_bytes_allocated_ptr"].address)
        before = board.read_word(counter)
        board.send("\r")
        board.expect("end ", timeout=60)
        # The console takes a block of 16 bytes once, whatever the app does; a transfer that took one would take 600.
        assert 100 < before <= board.read_word(counter) <= before + 16
        board.send("\r")
        board.expect("over")
        beyond = re.findall(r"beyond an LED's: (-?\d+)\r", board.transcript)
    # An instruction is 0.8 of such ticks; an LED's null command has about 340, and these are to have 700 at the most.
    assert len(beyond) == 3
    assert all(int(ticks) / 100 < 0.8 * (700 - 340) for ticks in beyond), beyond
