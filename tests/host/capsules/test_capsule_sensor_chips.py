"""drivers/chips: sensors over I2C, on what their data sheets say."""

import pytest
from cells import Buffer
from hardware import FakeAlarm, FakeI2c
from kernel import ErrorCode

from capsules.drivers.chips.sht4x import Sht4x
from capsules.drivers.chips.tmp105 import Tmp105


class Reader:
    """Whoever measures."""

    def __init__(self, sensor) -> None:
        self.sensor = sensor
        self.told: list[tuple[int, int]] = []
        sensor.set_client(lambda value, status: self.told.append((value, status)))

    def measure(self, bus: FakeI2c) -> tuple[int, int]:
        assert self.sensor.measure() == 0
        bus.finish_all()
        return self.told.pop()


# -- TMP105 -----------------------------------------------------------------------------------------


class Tmp105Chip:
    """9 bits unless it is told otherwise."""

    def __init__(self, bus: FakeI2c) -> None:
        self.sixteenths, self.configuration = 0, 0
        bus.devices[0x48] = self.answer

    def answer(self, sent: bytes, count: int) -> bytes:
        if sent[0] == 1:
            (self.configuration,) = sent[1:]
        unused = 3 - (self.configuration >> 5 & 3)
        return ((self.sixteenths >> unused << unused) << 4 & 0xFFF0).to_bytes(2, "big")


# Table 4 of SBOS304: what some temperatures are.
@pytest.mark.parametrize(
    ("register", "centidegrees"),
    [
        (0x7FF, 12793), (0x640, 10000), (0x4B0, 7500), (0x190, 2500), (0x004, 25), (0, 0), (-4, -25), (-400, -2500),
        (-880, -5500),
    ],
)  # fmt: skip
def test_tmp105_measures_with_all_its_bits(register, centidegrees) -> None:
    bus = FakeI2c()
    chip = Tmp105Chip(bus)
    reader = Reader(Tmp105(bus, 0x48, Buffer(2)))
    chip.sixteenths = register
    assert reader.measure(bus) == (centidegrees, 0)
    assert reader.measure(bus) == (centidegrees, 0)
    assert [data for _, data, _ in bus.transfers] == [b"\x01\x60", b"\x00", b"\x00"]


def test_tmp105_that_is_gone_says_so_and_is_told_again_what_to_do_when_it_is_back() -> None:
    bus = FakeI2c()
    reader = Reader(Tmp105(bus, 0x48, Buffer(2)))
    assert reader.measure(bus) == (0, ErrorCode.NOACK)
    chip = Tmp105Chip(bus)
    chip.sixteenths = 1
    assert reader.measure(bus) == (6, 0)
    del bus.devices[0x48]
    assert reader.measure(bus) == (0, ErrorCode.NOACK)
    Tmp105Chip(bus).sixteenths = -1
    assert reader.measure(bus) == (-7, 0)
    bus.refuses = ErrorCode.FAIL
    assert reader.sensor.measure() == ErrorCode.FAIL
    bus.refuses = 0
    assert reader.measure(bus) == (-7, 0)


# -- SHT4x ------------------------------------------------------------------------------------------


def with_checksum(data: bytes) -> bytes:
    """4.4: CRC-8 of two bytes; that of BE EF is 92."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x131) if crc & 0x80 else crc << 1
    return data + bytes([crc])


class Sht4xChip:
    """It refuses to be read before it has measured."""

    def __init__(self, bus: FakeI2c, alarm: FakeAlarm) -> None:
        self.signal, self.alarm, self.done, self.broken = 0, alarm, 0, False
        bus.devices[0x44] = self.answer

    def answer(self, sent: bytes, count: int) -> bytes | int:
        if sent:
            assert sent == b"\xfd"
            self.done = self.alarm.now() + self.alarm.frequency // 256 * 83 // 10_000
            return b""
        if self.alarm.now() < self.done:
            return ErrorCode.NOACK
        answer = with_checksum(b"\x66\x66") + with_checksum(self.signal.to_bytes(2, "big"))
        return answer[:-1] + b"?" if self.broken else answer


def wait(bus: FakeI2c, alarm: FakeAlarm) -> None:
    bus.finish_all()
    alarm.pass_time(alarm.frequency // 256 * 11 // 1000)
    bus.finish_all()


def test_the_checksum_is_that_of_the_data_sheet() -> None:
    assert with_checksum(b"\xbe\xef")[2] == 0x92


@pytest.mark.parametrize(
    ("signal", "percent"), [(0, 0), (0x0C49, 0), (0x8000, 5650), (0x6000, 4087), (0xD93E, 10000), (0xFFFF, 10000)]
)
def test_sht4x_measures_and_what_lies_outside_is_cut(signal, percent) -> None:
    bus, alarm = FakeI2c(), FakeAlarm()
    chip = Sht4xChip(bus, alarm)
    reader = Reader(Sht4x(bus, 0x44, alarm, Buffer(6)))
    chip.signal = signal
    for _ in range(2):
        assert reader.sensor.measure() == 0
        wait(bus, alarm)
        assert reader.told.pop() == (pytest.approx(percent, abs=1), 0)


def test_sht4x_that_is_gone_or_disturbed_says_so_and_goes_on_when_it_is_back() -> None:
    bus, alarm = FakeI2c(), FakeAlarm()
    reader = Reader(Sht4x(bus, 0x44, alarm, Buffer(6)))
    assert reader.measure(bus) == (0, ErrorCode.NOACK)
    chip = Sht4xChip(bus, alarm)
    chip.broken = True
    assert reader.sensor.measure() == 0
    wait(bus, alarm)
    assert reader.told.pop() == (0, ErrorCode.FAIL)
    chip.broken = False
    assert reader.sensor.measure() == 0
    bus.finish_all()
    bus.refuses = ErrorCode.FAIL  # when it is to be read
    alarm.pass_time(alarm.frequency // 256 * 11 // 1000)
    assert reader.told.pop() == (0, ErrorCode.FAIL)
    assert reader.sensor.measure() == ErrorCode.FAIL
    bus.refuses = 0
    chip.signal = 0x8000
    assert reader.sensor.measure() == 0
    wait(bus, alarm)
    assert reader.told == [(pytest.approx(5650, abs=1), 0)]
