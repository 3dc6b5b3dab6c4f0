"""capsules/drivers/nrf52: saadc.py, spim.py, twim.py, pwm.py, ecb.py, on models of the hardware."""

import pytest
from cells import Buffer
from cut_short import every_cut
from hardware import FakeAlarm, FakePin
from kernel import ErrorCode, Machine, run_deferred
from nrf52_buses import ChipEcb, ChipPwm, ChipSaadc, ChipSpim, ChipTwim

from capsules.drivers.nrf52.ecb import Ecb
from capsules.drivers.nrf52.pwm import PwmPins
from capsules.drivers.nrf52.saadc import Saadc
from capsules.drivers.nrf52.spim import Spim
from capsules.drivers.nrf52.twim import Twim
from capsules.hil.aes import MODE_CBC, MODE_CTR, MODE_ECB
from capsules.virtual.virtual_i2c import I2cMux
from capsules.virtual.virtual_spi import SpiMux

RTC = 32768 * 256


class BusPin(FakePin):
    """A pin of the chip, that can be open drain. `pull_down()` says whether somebody else holds it low."""

    def __init__(self) -> None:
        super().__init__()
        self.driving = False
        self.clocks = 0
        self.pull_down = lambda: False

    def make_open_drain(self, driving: bool) -> None:
        self.mode, self.driving = "open drain", driving

    def clear(self) -> None:
        super().clear()
        self.clocks += self.driving

    def read(self) -> int:
        if self.mode != "open drain":
            return super().read()
        return int(not self.pull_down() and not (self.driving and not self.output))


class Pins:
    """A HIL Pins."""

    def __init__(self) -> None:
        self.made: dict[int, BusPin] = {}

    def pin(self, number: int) -> BusPin:
        return self.made.setdefault(number, BusPin())


def filled(data: bytes) -> Buffer:
    buffer = Buffer(len(data))
    buffer.set(0, data)
    return buffer


# -- SAADC ------------------------------------------------------------------------------------------


class AdcUser:
    def __init__(self, machine, calibrated: bool = True) -> None:
        self.machine, self.chip, self.alarm = machine, ChipSaadc(), FakeAlarm(frequency=RTC)
        machine.lines.append(self.chip.line)
        self.adc = Saadc(self.chip.registers, self.chip.line, self.alarm, (1, 4, 9))
        self.adc.set_client(self)
        self.samples: list[tuple[int, int]] = []
        self.buffers: list[tuple[list[int], int]] = []
        self.again = lambda: None
        if calibrated:
            self.calibrate()

    def calibrate(self) -> None:
        self.chip.calibrated()
        self.machine.run()

    def sampled(self, sample: int, status: int) -> None:
        self.samples.append((sample, status))

    def filled(self, buffer: Buffer, count: int, status: int) -> None:
        data = buffer.give_back().get(0, 2 * count)
        self.buffers.append(([int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)], status))
        self.again()

    def lend(self, samples: int) -> Buffer:
        return Buffer(2 * samples).move(self.adc)

    def pass_time(self, ticks: int) -> None:
        for _ in range(ticks):
            self.alarm.pass_time(1)
            self.machine.run()


@pytest.mark.parametrize(
    ("volts", "sample"), [(0, 0), (1.8, 0x8000), (3.6, 0xFFF0), (3.7, 0xFFF0), (-0.05, 0), (0.9, 0x4000)]
)
def test_a_sample_is_left_justified_and_never_negative(machine, volts, sample) -> None:
    user = AdcUser(machine)
    user.chip.volts = {1: 3.0, 4: volts, 9: 3.0}
    assert user.adc.sample(1) == 0
    assert user.adc.sample(1) == ErrorCode.BUSY
    machine.run()
    assert user.samples == [(sample, 0)]
    assert user.chip.is_off
    assert user.adc.sample(1) == 0
    machine.run()
    assert len(user.samples) == 2


def test_what_is_asked_for_while_it_calibrates_comes_afterwards(machine) -> None:
    user = AdcUser(machine, calibrated=False)
    user.chip.volts = {9: 3.6}
    assert user.adc.sample(2) == 0
    machine.run()
    assert user.samples == []
    user.calibrate()
    assert user.samples == [(0xFFF0, 0)]
    assert user.chip.calibrations == 1


def test_an_alarm_does_not_begin_what_calibration_or_a_sample_would_meet(machine) -> None:
    user = AdcUser(machine, calibrated=False)
    user.chip.volts = {1: 1.8}
    user.adc.sample_continuous(0, 1000)
    user.pass_time(100)
    assert user.samples == []
    user.calibrate()
    user.alarm.pass_time(100)  # and nobody looks at the converter
    machine.run()
    assert user.samples == [(0x8000, 0)]


def test_the_adc_refuses_what_it_cannot(machine) -> None:
    adc = AdcUser(machine).adc
    assert (adc.channels(), adc.resolution_bits(), adc.reference_millivolts()) == (3, 12, 3600)
    assert [adc.sample(channel) for channel in (-1, 3)] == [ErrorCode.INVAL] * 2
    assert [adc.sample_continuous(0, hertz) for hertz in (0, -5, 1001)] == [ErrorCode.INVAL] * 3
    buffer = Buffer(9)
    for hertz in (0, 1001, 7800, 200_001, 1 << 29):
        assert adc.sample_buffers(0, hertz, buffer, 4) == ErrorCode.INVAL
    for count in (0, -1, 5, 1 << 29):
        assert adc.sample_buffers(0, 10_000, buffer, count) == ErrorCode.SIZE
    assert adc.provide_buffer(buffer, 4) == ErrorCode.OFF
    assert adc.stop() == 0
    assert buffer.is_good()


@pytest.mark.parametrize("hertz", [1, 3, 60, 999, 1000])
def test_samples_of_an_alarm_come_as_often_as_they_should(machine, hertz) -> None:
    user = AdcUser(machine)
    user.chip.volts = {1: 1.8}
    assert user.adc.sample_continuous(0, hertz) == 0
    seconds = 1 if hertz > 10 else 4
    user.pass_time(32768 * seconds)
    assert abs(len(user.samples) - hertz * seconds) <= 1
    assert set(user.samples) == {(0x8000, 0)}
    assert user.adc.stop() == 0
    before = len(user.samples)
    user.pass_time(32768)
    assert len(user.samples) == before
    assert user.chip.is_off


def test_buffers_follow_each_other_by_the_timer(machine) -> None:
    user = AdcUser(machine)
    user.chip.volts = {1: 1.8}
    more = [user.lend(3), user.lend(2)]
    user.again = lambda: user.adc.provide_buffer(more.pop(0), 2) if len(more) == 1 else None
    assert user.adc.sample_buffers(0, 100_000, user.lend(4), 4) == 0
    assert user.adc.provide_buffer(more.pop(0), 3) == 0
    assert user.adc.provide_buffer(more[0], 2) == ErrorCode.BUSY
    assert user.chip.word(user.chip.SAMPLERATE) == 1 << 12 | 160
    machine.run()
    for _ in range(20):
        if user.chip.timing:
            user.chip.convert()
        machine.run()
    assert user.buffers == [([0x8000] * count, 0) for count in (4, 3, 2)]
    assert user.chip.is_off
    assert user.adc.sample(0) == 0, "it has stopped by itself"


def test_a_buffer_of_an_alarm_has_the_samples_of_its_time(machine) -> None:
    user = AdcUser(machine)
    user.chip.volts = {1: 0.0}
    assert user.adc.sample_buffers(0, 512, user.lend(8), 8) == 0
    machine.run()
    for step in range(8):
        user.chip.volts[1] = 0.225 * step
        user.pass_time(64)
    assert user.buffers == [([0x1000 * step for step in range(8)], 0)]


@pytest.mark.parametrize("deaf", [False, True])
def test_stop_gives_all_buffers_back_with_what_they_have(machine, deaf) -> None:
    user = AdcUser(machine)
    user.chip.volts = {1: 1.8}
    user.chip.deaf = deaf
    user.adc.sample_buffers(0, 10_000, user.lend(4), 4)
    user.adc.provide_buffer(user.lend(4), 4)
    machine.run()
    user.chip.convert()
    assert user.adc.stop() == 0
    assert user.buffers == [([0x8000], ErrorCode.CANCEL), ([], ErrorCode.CANCEL)]
    machine.run()
    assert user.chip.word(user.chip.ENABLE) == 0
    assert len(user.buffers) == 2


def test_stop_while_it_calibrates_gives_the_buffer_back(machine) -> None:
    user = AdcUser(machine, calibrated=False)
    user.adc.sample_buffers(0, 10_000, user.lend(4), 4)
    user.adc.stop()
    assert user.buffers == [([], ErrorCode.CANCEL)]
    user.calibrate()
    assert user.chip.is_off


def test_an_end_that_nobody_waits_for_disturbs_nobody(machine) -> None:
    user = AdcUser(machine)
    user.chip.volts = {1: 1.8}
    user.chip.events[0x104] = 1
    machine.run()
    user.adc.sample(0)
    machine.run()
    user.chip.events[0x104] = 1
    machine.run()
    assert user.samples == [(0x8000, 0)]


def test_a_buffer_that_begins_at_an_odd_byte_comes_back(machine) -> None:
    user = AdcUser(machine)
    lent = Buffer(9)
    lent.window(1, 9)
    user.adc.sample_buffers(0, 10_000, lent.move(user.adc), 4)
    assert user.buffers == [([], ErrorCode.INVAL)]
    user.chip.volts = {1: 1.8}
    assert user.adc.sample(0) == 0
    machine.run()
    assert user.samples == [(0x8000, 0)]


# -- SPIM -------------------------------------------------------------------------------------------


class SpiUser:
    def __init__(self, machine) -> None:
        self.machine, self.chip, self.pins, self.select = machine, ChipSpim(), Pins(), BusPin()
        machine.lines.append(self.chip.line)
        self.spi = Spim(self.chip.registers, self.chip.line, self.pins, 3, 4, 37, self.select)
        self.spi.set_client(self)
        self.got: list[tuple[bytes | None, bytes | None, int]] = []

    def transferred(self, write, read, status) -> None:
        data = [one.give_back() if one is not None else None for one in (write, read)]
        self.got.append((*(one.get(0, 99) if one is not None else None for one in data), status))

    def transfer(self, write: bytes | None, read: int, length: int) -> int:
        return self.spi.transfer(
            filled(write).move(self.spi) if write is not None else None,
            Buffer(read).move(self.spi) if read else None,
            length,
        )

    def finish(self) -> None:
        self.chip.finish()
        self.machine.run()


def test_spi_sends_and_receives_at_once_while_its_chip_is_selected(machine) -> None:
    user = SpiUser(machine)
    words = user.chip.words
    assert (words[0x508], words[0x50C], words[0x510], words[0x554], words[0x524]) == (3, 4, 37, 0, 0x10000000)
    assert (user.pins.made[3].mode, user.pins.made[4].mode, user.pins.made[37].mode) == ("output", "output", "input")
    assert user.select.read() == 1
    assert user.transfer(b"abc", 4, 3) == 0
    assert user.select.read() == 0
    assert user.transfer(b"abc", 4, 3) == ErrorCode.BUSY
    user.finish()
    assert user.select.read() == 1
    assert user.chip.sent == b"abc"
    assert user.got == [(b"abc", bytes(byte ^ 0xFF for byte in b"abc") + b"\0", 0)]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_spi_without_one_of_its_buffers_leaves_earlier_ones_alone(machine, length) -> None:
    user = SpiUser(machine)
    first = Buffer(8)
    user.spi.transfer(None, first.move(user.spi), 8)
    user.finish()
    assert user.chip.sent == b"\xff" * 8
    assert user.got == [(None, bytes(8), 0)]
    first.set(0, b"mine now")
    assert user.transfer(b"write", 0, length) == 0
    user.finish()
    assert user.chip.sent == b"write"[:length]
    assert first.get(0, 8) == b"mine now"
    assert user.got[1] == (b"write", None, 0)


def test_spi_refuses_what_it_cannot(machine) -> None:
    user = SpiUser(machine)
    assert user.transfer(None, 0, 4) == ErrorCode.INVAL
    both = Buffer(4)
    assert user.spi.transfer(both, both, 4) == ErrorCode.INVAL
    for length in (0, -1, 5, 1 << 29):
        assert user.transfer(b"abcd", 8, length) == ErrorCode.SIZE
        assert user.transfer(b"abcdefgh", 4, length) == ErrorCode.SIZE
    assert both.is_good()
    user.transfer(b"a", 0, 1)
    pin = BusPin()
    for refused in (
        user.spi.select(pin),
        user.spi.hold(True),
        user.spi.set_rate(1_000_000),
        user.spi.set_polarity(True),
        user.spi.set_phase(True),
    ):
        assert refused == ErrorCode.BUSY


@pytest.mark.parametrize(
    ("asked", "rate", "register"),
    [
        (125_000, 125_000, 0x02000000),
        (249_999, 125_000, 0x02000000),
        (1_000_000, 1_000_000, 0x10000000),
        (8_000_000, 8_000_000, 0x80000000),
        (1 << 29, 8_000_000, 0x80000000),
    ],
)
def test_the_rate_is_the_highest_that_is_not_above(machine, asked, rate, register) -> None:
    user = SpiUser(machine)
    assert user.spi.set_rate(asked) == 0
    assert (user.spi.rate(), user.chip.words[0x524]) == (rate, register)
    assert user.spi.set_rate(124_999) == ErrorCode.INVAL
    assert user.spi.rate() == rate


def test_the_clock_rests_where_it_should_before_the_hardware_has_it(machine) -> None:
    user = SpiUser(machine)
    user.spi.set_polarity(True)
    user.spi.set_phase(True)
    assert (user.chip.words[0x554], user.pins.made[3].output) == (6, 1)
    assert (user.spi.polarity(), user.spi.phase()) == (1, 1)
    user.spi.set_polarity(False)
    assert (user.chip.words[0x554], user.pins.made[3].output, user.chip.words[0x500]) == (2, 0, 7)


def test_a_chip_can_be_held_and_another_selected(machine) -> None:
    user = SpiUser(machine)
    user.spi.hold(True)
    for _ in range(2):
        user.transfer(b"a", 0, 1)
        user.finish()
        assert user.select.read() == 0
    other = BusPin()
    assert user.spi.select(other) == ErrorCode.BUSY
    assert user.spi.set_polarity(True) == ErrorCode.BUSY
    assert user.spi.hold(False) == 0
    assert user.select.read() == 1
    assert user.spi.select(other) == 0
    user.transfer(b"a", 0, 1)
    assert (user.select.read(), other.read()) == (1, 0)
    user.finish()
    assert other.read() == 1


# -- TWIM -------------------------------------------------------------------------------------------


class I2cUser:
    def __init__(self, machine, rate: int = 100_000) -> None:
        self.machine, self.chip, self.pins, self.alarm = machine, ChipTwim(), Pins(), FakeAlarm(frequency=RTC)
        machine.lines.append(self.chip.line)
        self.i2c = Twim(self.chip.registers, self.chip.line, self.alarm, self.pins, 27, 26, rate)
        self.i2c.set_client(self)
        self.scl, self.sda = self.pins.made[27], self.pins.made[26]
        self.got: list[tuple[bytes | None, bytes | None, int]] = []

    def transferred(self, write, read, status) -> None:
        data = [one.give_back() if one is not None else None for one in (write, read)]
        self.got.append((*(one.get(0, 99) if one is not None else None for one in data), status))

    def write(self, address: int, data: bytes) -> int:
        return self.i2c.write(address, filled(data).move(self.i2c), len(data))

    def read(self, address: int, length: int) -> int:
        return self.i2c.read(address, Buffer(length).move(self.i2c), length)

    def write_read(self, address: int, data: bytes, length: int) -> int:
        return self.i2c.write_read(
            address, filled(data).move(self.i2c), len(data), Buffer(length).move(self.i2c), length
        )

    def read_register(self, address: int, register: int, length: int) -> int:
        return self.i2c.read_register(address, register, Buffer(length).move(self.i2c), length)

    def run(self) -> None:
        """The hardware and the driver, in turns, until both are done."""
        for _ in range(4):
            self.chip.run()
            self.machine.run()

    def is_at_rest(self) -> bool:
        return self.chip.word(self.chip.ENABLE) == 0 and self.alarm.due is None


def test_i2c_reads_a_register_whose_number_needs_no_buffer(machine) -> None:
    user = I2cUser(machine)
    user.chip.devices = {0x40: b"hello"}
    for register in (0, 0xFF):
        assert user.read_register(0x40, register, 4) == 0
        user.run()
        assert user.chip.written.pop() == (0x40, bytes([register]))
        assert user.got.pop() == (None, b"hell", 0)
        assert user.is_at_rest()
    assert [user.read_register(0x40, register, 1) for register in (-1, 256, 1 << 29)] == [ErrorCode.INVAL] * 3
    assert user.read_register(0x41, 1, 4) == 0
    user.run()
    assert user.got == [(None, bytes(4), ErrorCode.NOACK)]
    assert user.write_read(0x40, b"x", 2) == 0  # whose own buffer comes back, and not the number's
    user.run()
    assert user.got[1:] == [(b"x", b"he", 0)]


def test_i2c_writes_reads_and_does_both_without_leaving_the_bus(machine) -> None:
    user = I2cUser(machine)
    user.chip.devices = {0x40: b"hello"}
    assert (user.scl.mode, user.sda.mode, user.chip.words[0x508], user.chip.words[0x50C]) == (
        *["open drain"] * 2,
        27,
        26,
    )
    assert user.write(0x40, b"abc") == 0
    assert user.write(0x40, b"abc") == ErrorCode.BUSY
    user.run()
    assert user.read(0x40, 4) == 0
    user.run()
    assert user.write_read(0x40, b"\xe3", 2) == 0
    user.run()
    assert user.got == [(b"abc", None, 0), (None, b"hell", 0), (b"\xe3", b"he", 0)]
    assert user.chip.written == [(0x40, b"abc"), (0x40, b"\xe3")]
    assert user.chip.done == ["tx", "stopped", "rx", "stopped", "tx", "rx", "stopped"]
    assert user.is_at_rest()


@pytest.mark.parametrize("what", ["write", "read", "write_read"])
def test_an_address_that_nobody_has_is_noack_and_stops_once(machine, what) -> None:
    user = I2cUser(machine)
    {
        "write": lambda: user.write(0x41, b"abc"),
        "read": lambda: user.read(0x41, 3),
        "write_read": lambda: user.write_read(0x41, b"a", 3),
    }[what]()
    user.run()
    assert [status for *_, status in user.got] == [ErrorCode.NOACK]
    assert user.chip.done[-3:] == ["resume", "stop", "stopped"]
    assert user.chip.done.count("stop") == 1
    assert user.is_at_rest()
    user.chip.devices = {0x40: b"x"}
    user.chip.done.clear()
    user.read(0x40, 1)
    user.run()
    assert user.got[-1] == (None, b"x", 0), "errors of earlier transfers are forgotten"


def test_a_byte_that_is_refused_is_noack(machine) -> None:
    user = I2cUser(machine)
    user.chip.devices, user.chip.refuse = {0x40: b""}, 2
    user.write(0x40, b"abcd")
    user.run()
    assert user.got == [(b"abcd", None, ErrorCode.NOACK)]
    assert user.chip.done == ["tx", "resume", "stop", "stopped"]


def test_a_last_byte_that_is_refused_is_not_stopped_twice(machine) -> None:
    user = I2cUser(machine)
    user.chip.devices, user.chip.refuse = {0x40: b""}, 3
    user.write(0x40, b"abcd")
    user.run()
    assert user.got == [(b"abcd", None, ErrorCode.NOACK)]
    assert user.chip.done == ["tx", "stop by the short", "stopped"]


@pytest.mark.parametrize("event", [0x104, 0x124])
def test_what_the_hardware_says_unasked_disturbs_nobody(machine, event) -> None:
    user = I2cUser(machine)
    user.chip.events[event] = 1
    machine.run()
    user.chip.devices = {0x40: b"abcd"}
    user.read(0x40, 2)
    user.run()
    user.chip.events[event] = 1
    machine.run()
    assert user.got == [(None, b"ab", 0)]


def test_an_overrun_and_a_foreign_stop_are_errors(machine) -> None:
    user = I2cUser(machine)
    user.chip.devices, user.chip.overrun = {0x40: b"abcd"}, True
    user.read(0x40, 4)
    user.run()
    assert user.got[-1][2] == ErrorCode.SIZE
    user.chip.overrun, user.chip.cut_off = False, True
    user.chip.done.clear()
    user.write(0x40, b"abcd")
    user.run()
    assert user.got[-1][2] == ErrorCode.FAIL


@pytest.mark.parametrize("what", ["write", "read", "write_read"])
def test_a_bus_that_hangs_gives_the_buffers_back_in_time(machine, what) -> None:
    user = I2cUser(machine)
    user.chip.devices = {0x40: b"abcd"}
    {
        "write": lambda: user.write(0x40, b"abc"),
        "read": lambda: user.read(0x40, 3),
        "write_read": lambda: user.write_read(0x40, b"a", 3),
    }[what]()
    user.alarm.pass_time(32768 * 49 // 1000)
    machine.run()
    assert user.got == []
    user.alarm.pass_time(32768 * 3 // 1000)
    assert [status for *_, status in user.got] == [ErrorCode.FAIL]
    assert user.is_at_rest()
    user.chip.done.clear()
    assert user.read(0x40, 2) == 0
    user.run()
    assert user.got[-1] == (None, b"ab", 0)


def test_a_long_transfer_has_more_time(machine) -> None:
    user = I2cUser(machine)
    user.chip.devices = {0x40: b""}
    user.read(0x40, 4096)
    user.alarm.pass_time(32768 * 500 // 1000)
    assert user.got == []
    user.run()
    assert user.got[0][2] == 0


def test_the_stop_that_comes_with_the_alarm_counts(machine) -> None:
    user = I2cUser(machine)
    user.chip.devices = {0x40: b"abcd"}
    user.read(0x40, 2)
    user.chip.run()
    user.alarm.pass_time(32768)
    machine.run()
    assert user.got == [(None, b"ab", 0)]


@pytest.mark.parametrize("clocks", range(12))
def test_a_device_that_holds_sda_is_clocked_until_it_lets_go(machine, clocks) -> None:
    user = I2cUser(machine)
    user.chip.devices = {0x40: b"abcd"}
    user.sda.pull_down = lambda: user.scl.clocks < clocks
    result = user.read(0x40, 2)
    assert (result == 0) == (clocks <= 10), "nine clocks and the one before the stop"
    assert user.scl.clocks <= 10
    assert not user.scl.driving
    assert not user.sda.driving
    if result == 0:
        user.run()
        assert user.got == [(None, b"ab", 0)]


def test_a_device_that_holds_scl_is_an_error_at_once(machine) -> None:
    user = I2cUser(machine)
    user.scl.pull_down = lambda: True
    assert user.write(0x40, b"a") == ErrorCode.FAIL
    assert user.is_at_rest()


def test_i2c_refuses_what_it_cannot(machine) -> None:
    user = I2cUser(machine)
    for address in (-1, 128, 1 << 29):
        assert user.write(address, b"a") == ErrorCode.INVAL
    buffer = Buffer(4)
    for length in (0, -1, 5, 1 << 29):
        assert user.i2c.write(1, buffer, length) == ErrorCode.SIZE
        assert user.i2c.read(1, buffer, length) == ErrorCode.SIZE
        assert user.i2c.write_read(1, buffer, length, Buffer(4), 4) == ErrorCode.SIZE
        assert user.i2c.write_read(1, Buffer(4), 4, buffer, length) == ErrorCode.SIZE
    assert user.i2c.write_read(1, buffer, 4, buffer, 4) == ErrorCode.INVAL
    assert buffer.is_good()


@pytest.mark.parametrize(
    ("rate", "register"),
    [(100_000, 0x01980000), (249_999, 0x01980000), (250_000, 0x04000000), (400_000, 0x06200000)],
)
def test_the_fastest_i2c_is_that_of_anomaly_219(machine, rate, register) -> None:
    assert I2cUser(machine, rate).chip.words[0x524] == register


# -- PWM --------------------------------------------------------------------------------------------


class PwmUser:
    def __init__(self, machine, count: int = 3) -> None:
        self.machine, self.chip, self.pins = machine, ChipPwm(), Pins()
        machine.lines.append(self.chip.line)
        self.pwm = PwmPins(self.chip.registers, self.chip.line, self.pins, (13, 14, 41, 5)[:count])

    def settle(self) -> tuple[float, list[float]]:
        for _ in range(6):
            self.chip.step()
            self.machine.run()
        return self.chip.pulses()


@pytest.mark.parametrize("hertz", [4, 50, 488, 489, 1000, 20_000, 999_999, 1_000_000])
@pytest.mark.parametrize("duty", [0, 1, 2500, 9999, 10_000])
def test_pulses_have_the_frequency_and_the_duty_that_was_asked_for(machine, hertz, duty) -> None:
    user = PwmUser(machine)
    assert user.pwm.pulse(1, hertz, duty) == 0
    frequency, high = user.settle()
    assert frequency == pytest.approx(hertz, rel=0.05 if hertz > 500_000 else 0.002)
    assert high[1] == pytest.approx(duty / 10_000, abs=1 / user.chip.word(0x508))
    assert high[0] == high[2] == high[3] == 0
    assert (high[1] == 1) == (duty == 10_000)


def test_pins_start_change_and_stop_on_their_own(machine) -> None:
    user = PwmUser(machine)
    assert [user.chip.words[0x560 + 4 * i] for i in range(4)] == [13, 14, 41, 0xFFFFFFFF]
    assert all(pin.mode == "output" and pin.output == 0 for pin in user.pins.made.values())
    user.pwm.pulse(0, 1000, 5000)
    user.pwm.pulse(1, 1000, 2500)
    assert user.settle()[1] == [0.5, 0.25, 0, 0]
    assert user.pwm.pulse(2, 1001, 1) == ErrorCode.RESERVE
    user.pwm.pulse(0, 1000, 7500)
    assert user.settle()[1] == [0.75, 0.25, 0, 0]
    user.pwm.stop(0)
    assert user.settle()[1] == [0, 0.25, 0, 0]
    assert user.pwm.pulse(1, 50, 2500) == 0
    frequency, high = user.settle()
    assert (round(frequency), high) == (50, [0, pytest.approx(0.25, abs=1e-4), 0, 0])
    user.pwm.stop(1)
    assert user.settle() == (0, [0] * 4)
    assert user.chip.word(0x500) == 0
    assert user.pwm.pulse(2, 4000, 5000) == 0
    assert user.settle() == (4000, [0, 0, 0.5, 0])


def test_changes_while_the_hardware_is_busy_are_not_lost(machine) -> None:
    user = PwmUser(machine)
    for duty in (1000, 2000, 3000):
        user.pwm.pulse(0, 1000, duty)
    assert user.settle()[1][0] == 0.3
    user.pwm.stop(0)
    user.pwm.pulse(0, 2000, 4000)
    assert user.settle() == (2000, [0.4, 0, 0, 0])
    user.pwm.stop(0)
    user.pwm.pulse(0, 2000, 6000)
    assert user.settle() == (2000, [0.6, 0, 0, 0])
    user.pwm.pulse(0, 2000, 1)
    user.pwm.stop(0)
    assert user.settle() == (0, [0] * 4)
    user.pwm.stop(0)
    user.pwm.pulse(0, 2000, 5000)
    user.pwm.pulse(0, 3000, 5000)
    assert round(user.settle()[0]) == 3000


def test_pwm_refuses_what_it_cannot(machine) -> None:
    pwm = PwmUser(machine).pwm
    assert (pwm.pins(), pwm.maximum_frequency()) == (3, 1_000_000)
    for pin, hertz, duty in (
        (-1, 50, 1),
        (3, 50, 1),
        (0, 3, 1),
        (0, 0, 1),
        (0, -1, 1),
        (0, 1_000_001, 1),
        (0, 50, -1),
        (0, 50, 10_001),
    ):
        assert pwm.pulse(pin, hertz, duty) == ErrorCode.INVAL
    assert [pwm.stop(pin) for pin in (-1, 0, 3)] == [ErrorCode.INVAL, 0, ErrorCode.INVAL]


# -- ECB --------------------------------------------------------------------------------------------


def aes(key: bytes, text: bytes) -> bytes:
    """FIPS 197, section 5.1: the cipher, with a key of 128 bits."""

    def times(a: int, b: int) -> int:
        product = 0
        while b:
            product ^= a * (b & 1)
            a = a << 1 ^ (0x11B if a & 0x80 else 0)
            b >>= 1
        return product

    def substitute(byte: int) -> int:
        inverse = next((i for i in range(256) if times(byte, i) == 1), 0)
        rotated = inverse | inverse << 8
        return (rotated ^ rotated >> 7 ^ rotated >> 6 ^ rotated >> 5 ^ rotated >> 4 ^ 0x63) & 0xFF

    table = SBOX or SBOX.extend(map(substitute, range(256))) or SBOX
    words, constant = [list(key[i : i + 4]) for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        word = list(words[i - 1])
        if i % 4 == 0:
            word = [table[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = times(constant, 2)
        words.append([a ^ b for a, b in zip(words[i - 4], word, strict=True)])
    state = list(text)
    for turn in range(11):
        if turn:
            state = [table[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if 0 < turn < 10:
            columns = [state[i : i + 4] for i in range(0, 16, 4)]
            state = [
                times(column[r], 2) ^ times(column[(r + 1) % 4], 3) ^ column[(r + 2) % 4] ^ column[(r + 3) % 4]
                for column in columns
                for r in range(4)
            ]
        round_key = [byte for word in words[4 * turn : 4 * turn + 4] for byte in word]
        state = [a ^ b for a, b in zip(state, round_key, strict=True)]
    return bytes(state)


SBOX: list[int] = []
hexes = bytes.fromhex

# NIST SP 800-38A, appendix F: F.1.1 (ECB), F.2.1 (CBC), F.5.1 and F.5.2 (CTR).
KEY = hexes("2b7e151628aed2a6abf7158809cf4f3c")
TEXT = hexes(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
IV = bytes(range(16))
COUNTER = hexes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
ENCRYPTED = {
    MODE_ECB: hexes(
        "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
        "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4"
    ),
    MODE_CBC: hexes(
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
        "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"
    ),
    MODE_CTR: hexes(
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
        "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"
    ),
}


def test_the_cipher_of_this_test_is_that_of_fips_197() -> None:
    # Appendix B and C.1.
    assert aes(KEY, hexes("3243f6a8885a308d313198a2e0370734")) == hexes("3925841d02dc09fbdc118597196a0b32")
    assert aes(bytes(range(16)), hexes("00112233445566778899aabbccddeeff")) == hexes("69c4e0d86a7b0430d8cdb78070b4c55a")


class AesUser:
    def __init__(self, machine) -> None:
        self.machine, self.chip = machine, ChipEcb(aes)
        machine.lines.append(self.chip.line)
        self.aes = Ecb(self.chip.registers, self.chip.line)
        self.aes.set_client(self)
        self.got: list[tuple[bytes | None, bytes, int]] = []

    def crypted(self, source, dest, status) -> None:
        data = [one.give_back() if one is not None else None for one in (source, dest)]
        self.got.append((*(one.get(0, 999) if one is not None else None for one in data), status))

    def prepare(self, mode: int, encrypting: bool = True) -> None:
        assert self.aes.set_mode(mode, encrypting) == 0
        assert self.aes.set_key(filled(KEY)) == 0
        assert self.aes.set_iv(filled(COUNTER if mode == MODE_CTR else IV)) == 0
        assert self.aes.start_message() == 0

    def run(self) -> None:
        for _ in range(100):
            self.chip.run()
            self.machine.run()

    def secrets(self) -> list[bytes]:
        return [one.get(0, 48) for one in (self.aes._data, self.aes._iv, self.aes._chain)]


@pytest.mark.parametrize("mode", ENCRYPTED)
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("pieces", [(64,), (16, 48), (16, 16, 16, 16)])
def test_aes_has_the_answers_of_the_standard(machine, mode, in_place, pieces) -> None:
    user = AesUser(machine)
    for _ in range(2):
        user.prepare(mode)
        done, at = b"", 0
        for length in pieces:
            text = TEXT[at : at + length]
            source = None if in_place else filled(text).move(user.aes)
            dest = filled(b"\xaa" * 3 + (text if in_place else bytes(length)) + b"\xbb")
            assert user.aes.crypt(source, dest.move(user.aes), 3, length) == 0
            user.run()
            kept, result, status = user.got[-1]
            assert status == 0
            assert kept == (None if in_place else text)
            assert (result[:3], result[-1:]) == (b"\xaa" * 3, b"\xbb")
            done += result[3:-1]
            at += length
        assert done == ENCRYPTED[mode]


def test_counter_mode_decrypts_and_its_counter_carries(machine) -> None:
    user = AesUser(machine)
    user.prepare(MODE_CTR, encrypting=False)
    user.aes.crypt(None, filled(ENCRYPTED[MODE_CTR]).move(user.aes), 0, 64)
    user.run()
    assert user.got == [(None, TEXT, 0)]
    user.aes.set_iv(filled(b"\xff" * 16))
    user.aes.start_message()
    user.aes.crypt(None, Buffer(32).move(user.aes), 0, 32)
    user.run()
    assert user.got[1][1] == aes(KEY, b"\xff" * 16) + aes(KEY, bytes(16))


def test_aes_refuses_what_it_cannot(machine) -> None:
    user = AesUser(machine)
    engine, buffer = user.aes, Buffer(32)
    assert engine.crypt(None, buffer, 0, 16) == ErrorCode.OFF
    assert [engine.set_mode(mode, False) for mode in (MODE_ECB, MODE_CBC)] == [ErrorCode.NOSUPPORT] * 2
    assert engine.set_mode(3, True) == ErrorCode.INVAL
    assert [engine.set_key(Buffer(15)), engine.set_iv(Buffer(15))] == [ErrorCode.SIZE] * 2
    assert engine.crypt(None, buffer, 0, 16) == ErrorCode.OFF
    user.prepare(MODE_ECB)
    for start, length, error in (
        (0, 0, ErrorCode.INVAL),
        (0, -16, ErrorCode.INVAL),
        (0, 17, ErrorCode.INVAL),
        (0, 48, ErrorCode.SIZE),
        (17, 16, ErrorCode.SIZE),
        (-16, 16, ErrorCode.SIZE),
        (1 << 28, 16, ErrorCode.SIZE),
    ):
        assert engine.crypt(None, buffer, start, length) == error
    assert engine.crypt(Buffer(15), buffer, 0, 16) == ErrorCode.SIZE
    assert engine.crypt(buffer, buffer, 0, 16) == ErrorCode.INVAL
    assert buffer.is_good()
    assert engine.crypt(None, buffer.move(engine), 0, 16) == 0
    for refused in (
        engine.crypt(None, Buffer(16), 0, 16),
        engine.set_mode(MODE_ECB, True),
        engine.set_key(Buffer(16)),
        engine.set_iv(Buffer(16)),
        engine.start_message(),
        engine.forget(),
    ):
        assert refused == ErrorCode.BUSY


def test_aes_keeps_no_text_and_after_forget_no_key(machine) -> None:
    user = AesUser(machine)
    user.prepare(MODE_CBC)
    user.aes.crypt(None, filled(TEXT).move(user.aes), 0, 64)
    user.run()
    data, _, _ = user.secrets()
    assert data == KEY + bytes(32)
    assert user.aes.forget() == 0
    assert user.secrets() == [bytes(48), bytes(16), bytes(16)]
    assert user.aes.crypt(None, Buffer(16), 0, 16) == ErrorCode.OFF


@pytest.mark.parametrize("fails", [1, 15])
def test_an_aborted_block_is_begun_again(machine, fails) -> None:
    user = AesUser(machine)
    user.prepare(MODE_CBC)
    user.chip.fails = fails
    user.aes.crypt(None, filled(TEXT).move(user.aes), 0, 64)
    user.run()
    assert user.got == [(None, ENCRYPTED[MODE_CBC], 0)]


def test_an_engine_that_others_never_leave_gives_the_buffers_back_and_recovers(machine) -> None:
    user = AesUser(machine)
    user.prepare(MODE_ECB)
    user.chip.fails = 40
    user.aes.crypt(filled(TEXT).move(user.aes), Buffer(64).move(user.aes), 0, 64)
    user.run()
    assert [status for *_, status in user.got] == [ErrorCode.FAIL]
    assert user.aes.set_key(filled(KEY)) == ErrorCode.BUSY
    user.chip.fails = 0
    user.run()
    user.prepare(MODE_ECB)
    user.aes.crypt(None, filled(TEXT).move(user.aes), 0, 64)
    user.run()
    assert user.got[1:] == [(None, ENCRYPTED[MODE_ECB], 0)]


@pytest.mark.parametrize("ask", ["write", "read", "write_read", "read_register"])
def test_twim_cut_short_anywhere_tells_the_clients_of_its_mux_once(ask) -> None:
    class User:
        def __init__(self, i2c) -> None:
            self.i2c, self.out, self.input, self.told = i2c, Buffer(2), Buffer(2), []
            i2c.set_client(self)

        def transferred(self, write, read, status) -> None:
            for one in (write, read):
                if one is not None:
                    one.give_back()
            self.told.append(status)

        def begin(self, what: str) -> None:
            i2c = self.i2c
            {
                "write": lambda: i2c.write(0x40, self.out.move(i2c), 2),
                "read": lambda: i2c.read(0x40, self.input.move(i2c), 2),
                "write_read": lambda: i2c.write_read(0x40, self.out.move(i2c), 2, self.input.move(i2c), 2),
                "read_register": lambda: i2c.read_register(0x40, 1, self.input.move(i2c), 2),
            }[what]()

    def scene():
        machine = Machine()
        hardware = I2cUser(machine)
        hardware.chip.devices = {0x40: b"hello"}
        mux = I2cMux(hardware.i2c)
        users = [User(mux.new_device()) for _ in range(2)]
        users[0].begin(ask)
        run_deferred()
        users[1].begin("read")
        hardware.chip.run()

        def check() -> None:
            for _ in range(6):
                run_deferred()
                hardware.run()
            assert [user.told for user in users] == [[0], [0]]
            assert all(user.out.is_good() and user.input.is_good() for user in users)
            assert hardware.is_at_rest()

        return hardware.chip.line.handler, check

    every_cut(scene)


@pytest.mark.parametrize("kind", ["both", "write", "read"])
def test_spim_cut_short_anywhere_tells_the_clients_of_its_mux_once(kind) -> None:
    class User:
        def __init__(self, spi) -> None:
            self.spi, self.out, self.input, self.told = spi, Buffer(2), Buffer(2), []
            spi.set_client(self)

        def transferred(self, write, read, status) -> None:
            for one in (write, read):
                if one is not None:
                    one.give_back()
            self.told.append(status)

        def begin(self, what: str) -> None:
            out = self.out.move(self.spi) if what != "read" else None
            into = self.input.move(self.spi) if what != "write" else None
            assert self.spi.transfer(out, into, 2) == 0

    def scene():
        machine = Machine()
        hardware = SpiUser(machine)
        mux = SpiMux(hardware.spi)
        users = [User(mux.new_device(BusPin(), may_hold=True)) for _ in range(2)]
        users[0].begin(kind)
        run_deferred()
        users[1].begin("both")
        hardware.chip.finish()

        def check() -> None:
            for _ in range(4):
                run_deferred()
                if hardware.chip.running:
                    hardware.finish()
            assert [user.told for user in users] == [[0], [0]]
            assert all(user.out.is_good() and user.input.is_good() for user in users)

        return hardware.chip.line.handler, check

    every_cut(scene)
