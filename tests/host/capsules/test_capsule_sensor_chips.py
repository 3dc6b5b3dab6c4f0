"""drivers/chips: sensors over I2C, on what their data sheets say."""

import pytest
from cells import Buffer
from hardware import FakeI2c
from kernel import ErrorCode

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
