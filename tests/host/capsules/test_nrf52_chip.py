"""capsules/drivers/nrf52: clock.py, gpio.py, rng.py, temperature.py; board/components/nrf52.py."""

from collections.abc import Callable

import config
import pytest
from cells import Buffer
from components import nrf52
from cut_short import cut_short, losses
from kernel import Machine, Registers
from nrf52_chip import ChipUarte, UarteAlarm, UarteClock

from capsules.drivers.nrf52.clock import SOURCE_CRYSTAL, Clock
from capsules.drivers.nrf52.event_counter import TimerCounter
from capsules.drivers.nrf52.gpio import PinLed, Pins
from capsules.drivers.nrf52.rng import TrueRng
from capsules.drivers.nrf52.temperature import Temperature
from capsules.hil.gpio import EDGE_EITHER, EDGE_FALLING, EDGE_RISING, PULL_DOWN, PULL_NONE, PULL_UP

# -- Clocks and reset reasons -----------------------------------------------------------------------


class ChipClock:
    """5.4: the crystal takes its time, and is stopped at once."""

    def __init__(self, machine: Machine) -> None:
        self.registers = Registers(0x600, protected=(0x500, 0x510, 0x578, 0x580))
        self.done: list[object] = []
        self.asked = self.event = False
        self.registers.on_write = {
            0x000: lambda value: self._high(True),
            0x004: lambda value: self._high(False),
            0x008: lambda value: self.done.append(("low", self.registers.words.get(0x518))),
            0x00C: lambda value: self.done.append("stop low"),
            0x100: lambda value: setattr(self, "event", False),
        }
        self.registers.on_read = {0x100: lambda: int(self.event), 0x40C: lambda: 1 << 16 | self.crystal}
        self.crystal = False
        self.clock = Clock(self.registers, machine.line(lambda: self.event), SOURCE_CRYSTAL)

    def _high(self, on: bool) -> None:
        self.done.append("high" if on else "stop high")
        self.asked, self.crystal = on, False

    def start_crystal(self) -> None:
        self.crystal, self.event = self.asked, True


def test_the_clock_of_low_frequency_is_started_and_no_crystal_runs_unasked(machine) -> None:
    chip = ChipClock(machine)
    assert chip.done == [], "while it is wired"
    chip.clock.start()
    assert chip.done == ["stop high", ("low", 1)], "a clock that does not run must not be stopped"
    assert (chip.clock.is_high_running(), chip.registers.words[0x304]) == (0, 1)


def test_the_crystal_runs_while_somebody_claims_it(machine) -> None:
    chip, told = ChipClock(machine), []
    users = [chip.clock.new_high() for _ in range(2)]
    for number, user in enumerate(users):
        user.set_client(lambda number=number: told.append(number))
    chip.done.clear()
    assert [user.request() for user in users] == [0, 0]
    assert (chip.done, told) == (["high"], [])
    chip.start_crystal()
    machine.run()
    assert told == [0, 1]
    chip.start_crystal()  # anomaly 201: once more
    machine.run()
    assert told == [0, 1]
    assert users[1].request() == 1, "it runs"
    users[0].release()
    assert chip.done == ["high"]
    users[1].release()
    users[1].release()
    assert chip.done == ["high", "stop high", "stop high"]
    assert chip.clock.is_high_running() == 0


def test_who_gives_up_before_the_crystal_runs_is_not_told(machine) -> None:
    chip, told = ChipClock(machine), []
    user = chip.clock.new_high()
    user.set_client(lambda: told.append(chip.clock.is_high_running()))
    user.request()
    chip.event = True  # from the start that was given up
    user.release()
    machine.run()
    assert told == []
    user.request()
    chip.event = True
    machine.run()
    assert told == [], "it does not run yet"
    chip.start_crystal()
    machine.run()
    assert told == [1]


@pytest.mark.parametrize(("before", "stopped"), [(1 << 16 | 0, True), (1 << 16 | 1, False), (1 << 16 | 2, True)])
def test_a_clock_that_runs_from_something_else_is_stopped_before_its_source_is_chosen(before, stopped) -> None:
    registers, done = Registers(0x600, protected=(0x500, 0x510, 0x578, 0x580)), []
    registers.words[0x418] = before

    def stop(value: int) -> None:
        done.append("stop")
        registers.words[0x418] = 0

    registers.on_write[0x00C] = stop
    registers.on_write[0x518] = lambda value: done.append(f"source {value}")
    registers.on_write[0x008] = lambda value: done.append("start")
    Clock(registers, Machine().line(lambda: False), SOURCE_CRYSTAL).start()
    assert done == ["stop"] * stopped + ["source 1", "start"]


@pytest.mark.parametrize(
    ("reasons", "said"),
    [(0, ""), (1, "pin"), (2, "watchdog"), (3, "pin"), (4, "software"), (8, "lock-up"), (1 << 16, "power-off")],
)
def test_the_reason_of_the_reset_is_reported_and_forgotten(reasons, said, log) -> None:
    registers = Registers(0x600)
    registers.words[0x400] = reasons
    cleared = []
    registers.on_write[0x400] = cleared.append
    clock = Clock(registers, Machine().line(lambda: False), SOURCE_CRYSTAL)
    clock.start()
    assert cleared == [0x1F000F], "ones clear"
    assert clock.reset_reasons() == reasons
    assert said in log.text
    assert (log.text == "") == (said == "")


# -- Temperature ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "centidegrees"), [(0, 0), (90, 2250), (-1 & 0xFFFFFFFF, -25), (-160 & 0xFFFFFFFF, -4000)]
)
def test_temperature_comes_in_quarters_of_a_degree_and_may_be_negative(machine, raw, centidegrees) -> None:
    registers, measured = Registers(), []
    chip = ChipClock(machine)
    sensor = Temperature(registers, machine.line(lambda: bool(registers.words.get(0x100))), chip.clock.new_high())
    sensor.set_client(lambda value, status: measured.append(value + status))
    machine.run()
    sensor.measure()
    assert 0x000 not in registers.words, "it needs the exact clock"
    chip.start_crystal()
    machine.run()
    assert registers.words.pop(0x000) == 1
    registers.words |= {0x100: 1, 0x508: raw}
    machine.run()
    assert measured == [centidegrees]
    assert registers.words[0x004] == 1
    assert chip.done[-1] == "stop high"


# -- Random numbers ---------------------------------------------------------------------------------


class ChipRng:
    """6.21: while it is started, a byte after the other."""

    def __init__(self, machine: Machine) -> None:
        self.registers = Registers()
        self.running = False
        self.next = 0
        self.registers.on_write = {0x000: lambda _: self._run(True), 0x004: lambda _: self._run(False)}
        self.rng = TrueRng(self.registers, machine.line(lambda: bool(self.registers.words.get(0x100))))

    def _run(self, on: bool) -> None:
        self.running = on

    def make(self) -> None:
        if self.running:
            self.next += 1
            self.registers.words |= {0x100: 1, 0x508: self.next}


class RngUser:
    def __init__(self, rng) -> None:
        self.rng, self.buffer, self.got = rng, Buffer(16), []
        rng.set_client(self)

    def fill(self, length: int) -> None:
        self.rng.fill(self.buffer.move(self.rng), length)

    def filled(self, buffer, length, status) -> None:
        assert buffer.give_back() is self.buffer
        self.got.append((self.buffer.get(0, length), status))


def test_random_bytes_fill_the_buffer_and_then_the_generator_rests(machine) -> None:
    chip = ChipRng(machine)
    user = RngUser(chip.rng)
    assert chip.registers.words[0x504] == 1, "without bias"
    for length in (1, 5, 16):
        user.fill(length)
        assert chip.running
        for _ in range(40):
            chip.make()
            machine.run()
    assert [len(data) for data, status in user.got if status == 0] == [1, 5, 16]
    assert b"".join(data for data, _ in user.got) == bytes(range(1, 23))
    assert not chip.running


# -- Pins -------------------------------------------------------------------------------------------

OUT, IN, LATCH, DETECTMODE, CNF = (offset - 0x504 for offset in (0x504, 0x510, 0x520, 0x524, 0x700))


class Port:
    """6.9. `outside` is what others drive a pin to."""

    def __init__(self, chip: "Chip", size: int) -> None:
        self.chip = chip
        self.outside = 0
        self.latch = 0
        self.registers = Registers(size)
        self.registers.on_read = {IN: self.levels, LATCH: lambda: self.latch}
        self.registers.on_write = {LATCH: self._clear_latch}
        for pin in range(min(32, (size - CNF) // 4)):
            self.registers.words[CNF + 4 * pin] = 2
            self.registers.on_read[CNF + 4 * pin] = lambda pin=pin: self.registers.words[CNF + 4 * pin]
            self.registers.on_write[CNF + 4 * pin] = lambda value, pin=pin: self._configure(pin, value)

    def _configure(self, pin: int, value: int) -> None:
        self.registers.words[CNF + 4 * pin] = value
        self.sense()

    def levels(self) -> int:
        found = 0
        for pin in range(32):
            cnf = self.registers.words.get(CNF + 4 * pin, 2)
            if cnf & 2:  # the input buffer is disconnected
                continue
            source = self.registers.words.get(OUT, 0) if cnf & 1 else self.outside
            found |= source & 1 << pin
        return found

    def sense(self) -> None:
        """6.9: LATCH follows levels; a bit that is cleared while its level is still there is set again."""
        before = self.latch
        levels = self.levels()
        for pin in range(32):
            wanted = self.registers.words.get(CNF + 4 * pin, 2) >> 16 & 3
            if (wanted == 2 and levels >> pin & 1) or (wanted == 3 and not levels >> pin & 1):
                self.latch |= 1 << pin
        if self.latch and not before:
            self.chip.events[0x17C] = 1

    def _clear_latch(self, value: int) -> None:
        self.latch &= ~value
        left, self.latch = self.latch, 0
        self.sense()
        self.latch |= left
        if self.latch:
            self.chip.events[0x17C] = 1


class Chip:
    """Both ports and 6.10, "GPIOTE"."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.events = {offset: 0 for offset in (*range(0x100, 0x120, 4), 0x17C)}
        self.enabled = 0
        self.registers = Registers()
        for offset in self.events:
            self.registers.on_read[offset] = lambda offset=offset: self.events[offset]
            self.registers.on_write[offset] = lambda value, offset=offset: self.events.update({offset: value})
        self.registers.on_read[0x304] = lambda: self.enabled
        self.registers.on_write[0x304] = lambda value: self._enable(self.enabled | value)
        self.registers.on_write[0x308] = lambda value: self._enable(self.enabled & ~value)
        self.ports = (Port(self, 0x27C), Port(self, 0x23C))
        line = self.machine.line(self.asks)
        self.pins = Pins(self.ports[0].registers, self.ports[1].registers, self.registers, line)

    def _enable(self, value: int) -> None:
        self.enabled = value

    def asks(self) -> bool:
        return any(self.events[0x100 + 4 * i] and self.enabled >> i & 1 for i in range(8)) or bool(
            self.events[0x17C] and self.enabled >> 31
        )

    def drive(self, number: int, level: int) -> None:
        """Somebody outside."""
        port, bit = self.ports[number // 32], number % 32
        before = port.outside >> bit & 1
        port.outside = port.outside & ~(1 << bit) | level << bit
        for channel in range(8):
            config_word = self.registers.words.get(0x510 + 4 * channel, 0)
            if config_word & 3 == 1 and config_word >> 8 & 0x3F == number and before != level:
                polarity = config_word >> 16 & 3
                if polarity == 3 or polarity == (1 if level else 2):
                    self.events[0x100 + 4 * channel] = 1
        port.sense()


NUMBERS = [0, 13, 31, 32, 47]


@pytest.mark.parametrize("number", NUMBERS)
def test_an_output_keeps_what_was_set_and_can_be_read(number) -> None:
    chip = Chip()
    pin = chip.pins.pin(number)
    words, bit = chip.ports[number // 32].registers.words, number % 32
    assert words[CNF + 4 * bit] == 2, "disconnected at first"
    pin.set()
    pin.make_output()
    assert (words[CNF + 4 * bit], words[OUT], pin.read()) == (1, 1 << bit, 1)
    pin.toggle()
    assert (words[OUT], pin.read()) == (0, 0)
    pin.set()
    pin.clear()
    assert pin.read() == 0
    pin.disable()
    assert words[CNF + 4 * bit] == 2


@pytest.mark.parametrize(("pull", "bits"), [(PULL_NONE, 0), (PULL_UP, 3 << 2), (PULL_DOWN, 1 << 2)])
def test_an_input_has_its_pull_and_its_level(pull, bits) -> None:
    chip = Chip()
    pin = chip.pins.pin(42)
    pin.make_input(pull)
    assert chip.ports[1].registers.words[CNF + 4 * 10] == bits
    chip.drive(42, 1)
    assert pin.read() == 1
    chip.drive(42, 0)
    assert pin.read() == 0


def test_an_open_drain_pin_is_pulled_up_and_drives_only_zeros() -> None:
    """PIN_CNF: PULL 3, DRIVE 6 (S0D1); TWIM wants inputs, and a bus that is clocked by hand outputs."""
    chip = Chip()
    pin = chip.pins.pin(42)
    for driving, direction in ((False, 0), (True, 1), (False, 0)):
        pin.make_open_drain(driving)
        assert chip.ports[1].registers.words[CNF + 4 * 10] == 6 << 8 | 3 << 2 | direction


def watched(chip: Chip, number: int, edge: int):
    pin, calls = chip.pins.pin(number), []
    pin.make_input(PULL_NONE)
    pin.set_client(lambda: calls.append(pin.read()))
    pin.enable_interrupts(edge)
    return pin, calls


@pytest.mark.parametrize("taken", [0, 8])
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("edge", "expected"), [(EDGE_EITHER, [1, 0, 1, 0]), (EDGE_RISING, [1, 1]), (EDGE_FALLING, [0, 0])]
)
def test_edges_are_told_by_a_channel_or_by_the_port_event(edge, expected, number, taken) -> None:
    chip = Chip()
    for other in range(taken):
        watched(chip, other + 1, EDGE_EITHER)
    pin, calls = watched(chip, number, edge)
    chip.machine.run()
    assert calls == []
    for level in (1, 1, 0, 1, 0, 0):
        chip.drive(number, level)
        chip.machine.run()
    assert calls == expected
    pin.disable_interrupts()
    chip.drive(number, 1)
    chip.machine.run()
    chip.drive(number, 0)
    chip.machine.run()
    assert calls == expected


def test_more_pins_than_channels_are_told_apart_and_channels_are_used_again() -> None:
    chip = Chip()
    pins = [watched(chip, number, EDGE_EITHER) for number in range(2, 46, 3)]
    for number, (_, calls) in zip(range(2, 46, 3), pins, strict=True):
        chip.drive(number, 1)
        chip.machine.run()
        assert calls == [1]
    assert all(calls == [1] for _, calls in pins)
    pins[0][0].disable()
    pins[14][0].disable_interrupts()
    _, calls = watched(chip, 0, EDGE_RISING)
    chip.drive(0, 1)
    chip.machine.run()
    assert calls == [1]
    assert all(got == [1] for _, got in pins)


@pytest.mark.parametrize("edge", [EDGE_EITHER, EDGE_RISING, EDGE_FALLING])
def test_a_pulse_that_is_over_before_anybody_looks_is_told_once_by_the_port_event(edge) -> None:
    chip = Chip()
    for other in range(8):
        watched(chip, other + 1, EDGE_EITHER)
    _, calls = watched(chip, 20, edge)
    chip.drive(20, 1)
    chip.drive(20, 0)
    chip.machine.run()
    assert calls == [0]


def test_a_client_may_turn_itself_and_others_off(machine) -> None:
    chip = Chip()
    pins = [watched(chip, number, EDGE_RISING)[0] for number in range(12)]
    calls = []

    def once() -> None:
        calls.append(1)
        for pin in pins:
            pin.disable_interrupts()

    for pin in pins:
        pin.set_client(once)
    for number in range(12):
        chip.drive(number, 1)
    chip.machine.run()
    assert calls == [1]


@pytest.mark.parametrize("active_low", [False, True])
def test_an_led_is_off_at_first_whatever_its_polarity(active_low) -> None:
    chip = Chip()
    led = PinLed(chip.pins.pin(5), active_low)
    lit = []
    for act in (lambda: None, led.on, led.toggle, led.toggle, led.off):
        act()
        level = chip.ports[0].levels() >> 5 & 1
        assert led.is_on() == level ^ active_low
        lit.append(led.is_on())
    assert lit == [0, 1, 0, 1, 0]


# -- The board --------------------------------------------------------------------------------------


def test_the_boards_leds_are_those_of_the_configuration(monkeypatch) -> None:
    monkeypatch.setattr(config, "NRF52_LED0", 47)
    monkeypatch.setattr(config, "NRF52_LED0_ACTIVE_LOW", 0)
    monkeypatch.setattr(config, "NRF52_LED1", -1)
    monkeypatch.setattr(config, "NRF52_LED2", 3)
    monkeypatch.setattr(config, "NRF52_LED3", -1)
    chip = Chip()
    leds = nrf52.leds(chip.pins)
    assert len(leds) == 2
    assert chip.ports[1].registers.words[CNF + 4 * 15] == 1
    assert chip.ports[0].registers.words[CNF + 4 * 3] == 1
    leds[0].on()
    assert chip.ports[1].registers.words[OUT] == 1 << 15


@pytest.mark.parametrize("flow_control", [0, 1])
def test_the_uarts_pins_are_set_up_before_it(monkeypatch, flow_control) -> None:
    for name, value in (("FLOW_CONTROL", flow_control), ("RTS", 5), ("CTS", 7)):
        monkeypatch.setattr(config, f"NRF52_UART_{name}", value)
    chip, uarte = Chip(), ChipUarte()
    enabled = []
    uarte.registers.on_write[0x500] = lambda value: (
        uarte.registers.words.update({0x500: value}),
        enabled.append((value, chip.ports[0].levels() >> 6 & 1)),
    )
    counter = TimerCounter(uarte.counter.registers, uarte.counter.line)
    uart = nrf52.uart(uarte.registers, uarte.line, chip.pins, counter, UarteClock(uarte, 0), UarteAlarm(uarte))
    uart.start()
    assert enabled == [(0, 1), (8, 1)], "TXD idles high"
    words = uarte.registers.words
    nowhere = 0xFFFFFFFF
    expected = (5, 6, 7, 8) if flow_control else (nowhere, 6, nowhere, 8)
    assert tuple(words[offset] for offset in (0x508, 0x50C, 0x510, 0x514)) == expected
    assert words[0x56C] == flow_control
    assert words[0x524] == 0x01D60000
    pulls = [chip.ports[0].registers.words.get(CNF + 4 * pin, 0) >> 2 & 3 for pin in (8, 7)]
    assert pulls == [3, 1 if flow_control else 0], "RXD pulled up; CTS down: nobody holds us off"


def edges(count: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """All of as many pins have moved; the first eight have channels."""
    chip = Chip()
    made, told = [chip.pins.pin(number) for number in range(count)], []
    for number, pin in enumerate(made):
        pin.set_client(lambda number=number: told.append(number))
        pin.make_input(PULL_NONE)
        pin.enable_interrupts(EDGE_EITHER)
    handler = chip.pins._gpiote._interrupt
    for number in range(count):
        chip.drive(number, 1)

    def run() -> None:
        for _ in range(4):
            if chip.asks():
                handler()

    def check() -> None:
        run()
        assert set(told) == set(range(count))
        del told[:]
        for number in range(count):
            chip.drive(number, 0)
        run()
        assert sorted(told) == list(range(count))

    return handler, check


@pytest.mark.parametrize(("count", "places"), [(2, {"Gpiote._interrupt", "GpioPin.tell"}), (9, None)])
def test_where_an_edge_is_lost_if_telling_it_is_cut_short(count, places) -> None:
    """As one that comes while nobody looks; the next edge is told."""
    assert places is None or set(losses(lambda: edges(count))) == places
    handler, _ = edges(count)
    assert cut_short(handler, 2000) == ""
