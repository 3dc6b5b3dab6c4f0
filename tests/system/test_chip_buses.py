"""I2C, SPI, PWM and ADC on the nRF52840: the kernel on the simulated chip, and chips on its buses that are Python."""

import re
from pathlib import Path

import pytest
from kernels import build_variant

from adder.board import load_board
from adder.chip.nrf52840 import Chip
from adder.run.renode import flash_contents

SCL, SDA = 27, 26
PWM0, PWM1, SERVO = 3, 4, 28
SCK, MOSI, MISO, SELECT = 45, 46, 47, 44  # P1.12 is the chip select


class Registers:
    """A chip with registers of two bytes, or one with a clock's seven, which the first byte that is written names."""

    def __init__(self, width: int, data: bytes) -> None:
        self.width, self.data = width, bytearray(data)
        self._at = 0

    def takes(self, data: bytes) -> int:
        self._at = data[0] * self.width
        self.data[self._at : self._at + len(data) - 1] = data[1:]
        return len(data)

    def gives(self, count: int) -> bytes:
        return bytes(self.data[self._at : self._at + count]).ljust(count, b"\xff")


class Hygrometer:
    """An SHT4x, of which half of all the humidity that it can tell is to be had."""

    def takes(self, data: bytes) -> int:
        assert data == b"\xfd"
        return 1

    def gives(self, count: int) -> bytes:
        return bytes.fromhex("66 66 93 80 00 a2")[:count]


@pytest.fixture(scope="module")
def kernel() -> Path:
    """With all that is left out of a board that has nothing on its bus."""
    return build_variant(
        "nrf52840", "MAX_CAPSULES=56",
        "I2C_BUS=y", "CAPSULE_DATE_TIME=y", "TMP105=y", "SHT4X=y", f"NRF52_I2C_SCL={SCL}", f"NRF52_I2C_SDA={SDA}",
        "SPI_BUS=y", f"NRF52_SPI_SCK={SCK}", f"NRF52_SPI_MOSI={MOSI}", f"NRF52_SPI_MISO={MISO}",
        f"NRF52_SPI_CS={SELECT}",
        "CAPSULE_PWM=y", f"NRF52_PWM0={PWM0}", f"NRF52_PWM1={PWM1}", "CAPSULE_SERVO=y", f"NRF52_SERVO={SERVO}",
        "CAPSULE_ADC=y", "NRF52_ADC_INPUTS=0x80",
        base="nrf52840",
    )  # fmt: skip


def test_chips_are_read_over_twim_and_a_bus_that_hangs_is_given_up(kernel, python_app) -> None:
    app = python_app(
        """
import syscall, time
from adder import date_time, i2c
from adder.sensors import humidity, temperature
print("found", i2c.scan())
print("degrees", temperature.read())
print("now", date_time.read())
print("damp", humidity.read())
i2c.write(0x50, b"\\x00hello")
print("read", i2c.write_read(0x50, b"\\x00", 5), i2c.read(0x50, 2))
while True:
    time.sleep_ms(200)
    for call in (lambda: i2c.read(0x50, 1), temperature.read, date_time.read):
        try:
            call()
            print("fine")
        except syscall.SyscallError as error:
            print("error", error.errno)
""",
        ram=16384,
    )
    board = load_board("nrf52840")
    chip = Chip(kernel, {board.app_flash.start: flash_contents([app], board, b"")})
    chip.twim.chips = {
        0x44: Hygrometer(),
        0x48: Registers(2, b"\xe7\x00\x00\x00"),
        0x50: Registers(1, bytes(16)),
        0x68: Registers(1, bytes.fromhex("56 34 12 07 28 11 26")),
    }
    chip.expect(r"found \[80\]", 10)
    chip.expect(r"degrees -25\.0", 10)
    chip.expect(r"now \(2026, 11, 28, 12, 34, 56, 5, 332\)", 10)
    chip.expect(r"damp 56\.\d+", 10)
    chip.expect(r"read b'hello' b'he'", 10)
    chip.expect("fine\r\nfine\r\nfine", 10)
    chip.twim.hangs = True
    begin = chip.seconds
    chip.expect("error 1\r\nerror 1\r\nerror 1", 10)
    assert chip.seconds - begin < 1
    chip.twim.hangs = False
    chip.expect("fine\r\nfine\r\nfine", 10)
    chip.twim.chips.clear()
    chip.expect("error 13\r\nerror 13\r\nerror 13", 10)
    assert not chip.complaints, "\n".join(chip.complaints)
    assert not re.search("failed in", chip.transcript)


def test_bytes_are_exchanged_over_spim_while_the_chip_is_selected(kernel, python_app) -> None:
    app = python_app(
        """
import asyncio
from adder import spi
print("rate", spi.configure(5_000_000, 1, 1))
for size in (1, 4, 64, 65, 200):
    data = bytes(i * 7 & 0xff for i in range(size))
    print("size", size, spi.exchange(data) == bytes(255 - byte for byte in data))
print("read", spi.read(3))
spi.write(b"only out")
async def main():
    print("tasks", await asyncio.gather(spi.swap(b"\\x00\\x0f"), spi.get(2)))
asyncio.run(main())
""",
        ram=16384,
    )
    board = load_board("nrf52840")
    chip = Chip(kernel, {board.app_flash.start: flash_contents([app], board, b"")})
    frames: list[bytes] = []
    selected = [False]
    port, pin = chip.ports[SELECT // 32], SELECT % 32

    def answer(sent: bytes) -> bytes:
        assert port.driven(pin) == 0, "the chip is not selected"
        if not selected[0]:
            frames.append(b"")
        selected[0] = True
        frames[-1] += sent
        return bytes(255 - byte for byte in sent)

    port.watchers.append(lambda number, level: selected.__setitem__(0, selected[0] and not (number == pin and level)))
    chip.spim.answer = answer
    chip.expect("rate 4000000", 10)
    for size in (1, 4, 64, 65, 200):
        chip.expect(f"size {size} True", 10)
    chip.expect(r"read b'\\x00\\x00\\x00'", 10)
    chip.expect(r"tasks \[b'\\xff\\xf0', b'\\x00\\x00'\]", 10)
    assert [len(frame) for frame in frames] == [1, 4, 64, 65, 200, 3, 8, 2, 2]
    assert frames[5:] == [b"\xff" * 3, b"only out", b"\x00\x0f", b"\xff\xff"]
    assert chip.spim.registers[0x554] & 6 == 6
    assert not chip.complaints, "\n".join(chip.complaints)
    assert not re.search("failed in", chip.transcript)


def test_pulses_come_change_and_end_at_the_pins(kernel, python_app) -> None:
    app = python_app(
        """
import syscall, time
from adder import pwm, servo
pwm.pulse(0, 1000, 0.25)
pwm.pulse(1, 1000, 0.5)
print("two")
time.sleep_ms(50)
pwm.pulse(0, 1000, 0.75)
print("longer")
time.sleep_ms(50)
pwm.stop(0)
pwm.stop(1)
print("none")
time.sleep_ms(50)
pwm.pulse(1, 250_000, 0.1)
print("fast")
time.sleep_ms(50)
pwm.stop(1)
servo.turn(0, 180)
print("turned")
time.sleep_ms(100)
""",
        ram=16384,
    )
    board = load_board("nrf52840")
    chip = Chip(kernel, {board.app_flash.start: flash_contents([app], board, b"")})

    def after(said: str) -> tuple[tuple[float, float] | None, ...]:
        chip.expect(said, 10)
        chip.run(0.03)
        return tuple(chip.pwm.pulses(pin) for pin in (PWM0, PWM1, SERVO))

    first = after("two")
    assert first[:2] == (pytest.approx((1000, 0.25), rel=1e-3), pytest.approx((1000, 0.5), rel=1e-3))
    assert after("longer")[:2] == (pytest.approx((1000, 0.75), rel=1e-3), pytest.approx((1000, 0.5), rel=1e-3))
    assert after("none") == (None, None, None)
    fast = after("fast")
    assert fast[1] == pytest.approx((250_000, 0.1), rel=0.1)
    turned = after("turned")[2]
    assert turned is not None
    assert turned[0] == pytest.approx(50, rel=1e-2)
    assert 0.0015 < turned[1] / turned[0] <= 0.0026  # the longest pulse
    assert not chip.complaints, chip.complaints


def test_samples_come_one_by_one_by_an_alarm_and_by_the_converters_own_timer(kernel, python_app) -> None:
    app = python_app(
        """
from adder import adc
print("one", adc.count(), round(1000 * adc.volts(adc.read(0))))
for frequency in (500, 10_000):
    taken = adc.fill(0, frequency, 40)
    print("rise", frequency, round(1000 * adc.volts(taken[39] - taken[0])), list(taken) == sorted(taken))
try:
    adc.fill(0, 2000, 40)
except OSError as error:
    print("none", error)
""",
        ram=16384,
    )
    board = load_board("nrf52840")
    chip = Chip(kernel, {board.app_flash.start: flash_contents([app], board, b"")})
    chip.saadc.millivolts = {8: lambda seconds: int(seconds * 10_000) % 3000}  # AIN7 rises ten volts a second
    chip.expect(r"one 1 (\d+)", 10)
    # 39 of 2 ms, which is 0.78 V; 39 of 0.1 ms. Where the ramp begins anew, they would not be sorted.
    rise = int(chip.expect(r"rise 500 (-?\d+)", 10)[1])
    assert rise % 3000 == pytest.approx(780, abs=15)
    rise = int(chip.expect(r"rise 10000 (-?\d+)", 10)[1])
    assert rise % 3000 == pytest.approx(39, abs=4)
    chip.expect(r"none .*INVAL", 10)
    assert not chip.complaints, chip.complaints
