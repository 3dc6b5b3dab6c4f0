"""Whatever the kernel calls by itself in a capsule, and calls once more if that was cut short, tells its client all the
same.

What it calls is read from the sources: who adds a handler adds a scene of it here. Each scene is played once for each
opcode of its handler, which is cut short before it (cut_short.py).
"""

import ast
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from cells import Buffer, memory
from cut_short import CAPSULES, cut_short, every_cut
from hardware import FakeAlarm, FakePin
from kernel import ErrorCode, FlashRange, Machine, Registers, run_deferred, the_log
from nrf52_chip import ChipUarte, Rtc, UarteAlarm, UarteClock

from adder.board import ROOT
from capsules.drivers.flash import OnChipFlash
from capsules.drivers.nrf52.event_counter import TimerCounter
from capsules.drivers.nrf52.rng import TrueRng
from capsules.drivers.nrf52.rtc import RtcAlarm
from capsules.drivers.nrf52.temperature import Temperature
from capsules.drivers.nrf52.uarte import Uarte
from capsules.drivers.rtt import RttUart
from capsules.drivers.simulated.adc import FIRST, SimulatedAdc
from capsules.drivers.simulated.sensor import TEMPERATURE, SimulatedNineAxis, SimulatedSensor
from capsules.virtual.virtual_alarm import AlarmMux
from capsules.virtual.virtual_uart import UartMux

Scene = tuple[Callable[[], None], Callable[[], None]]
"""The handler, and what must be well when it has been called twice."""

ASKING = {"enable", "enable_acknowledged", "deferred"}
"""The names of functions that have the kernel call their first argument, again if that has failed."""


def handlers() -> set[str]:
    """`Class.method` of each in any capsule."""
    found = set()
    for path in Path(CAPSULES).rglob("*.py"):
        for made in ast.walk(ast.parse(path.read_text())):
            if isinstance(made, ast.ClassDef):
                found |= {f"{made.name}.{name}" for name in handed_in(made)}
    return found


def handed_in(made: ast.ClassDef) -> set[str]:
    """The methods of a class that it hands to the kernel."""
    found = set()
    for node in ast.walk(made):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        method = node.args[0]
        if name in ASKING and isinstance(method, ast.Attribute) and getattr(method.value, "id", None) == "self":
            found.add(method.attr)
    return found


# -- Scenes -------------------------------------------------------------------------------------


class Told:
    """A client that notes what it is told, and takes its buffer back as a client does: a second time raises."""

    def __init__(self, again: Callable[[], None] | None = None) -> None:
        self.what: list[object] = []
        self.again = again

    def _note(self, *what: object) -> None:
        self.what.append(what)
        if self.again is not None:
            again, self.again = self.again, None
            trace = sys.gettrace()
            sys.settrace(None)  # what a client calls is not cut short here
            again()
            sys.settrace(trace)

    def written(self, buffer: Buffer, status: int) -> None:
        buffer.give_back()
        self._note("written", status)

    def filled(self, buffer: Buffer, length: int, status: int) -> None:
        if status == ErrorCode.ALREADY:
            if self.what:
                return  # it has been heard
            status = 0
        buffer.give_back()
        self._note("filled", length, status)

    def erased(self, status: int) -> None:
        self._note("erased", status)

    def value(self, value: int, status: int = 0) -> None:
        self._note(value)


def flash_that_writes() -> Scene:
    there, machine, told = FlashRange(256, 64), Machine(), Told()
    flash = OnChipFlash(there, machine.line())
    flash.set_client(told)
    buffer = Buffer(128)
    buffer.set(0, bytes(range(100)))
    flash.write(4, buffer.move(flash), 100)
    (line,) = machine.lines
    while flash._doing == 1 and flash._at < 100:
        line.handler()

    def check() -> None:
        machine.run()
        assert told.what == [("written", 0)]
        assert bytes(there.data[4:104]) == bytes(range(100))
        flash.write(104, buffer.move(flash), 4)
        machine.run()
        assert told.what[1:] == [("written", 0)]

    return line.handler, check


def flash_that_erases() -> Scene:
    there, machine, told = FlashRange(256, 64, 2), Machine(), Told()
    flash = OnChipFlash(there, machine.line())
    flash.set_client(told)
    flash.erase(1)
    (line,) = machine.lines
    line.handler()

    def check() -> None:
        machine.run()
        assert set(told.what) == {("erased", 0)}
        del told.what[:]
        flash.erase(0)
        machine.run()
        assert told.what == [("erased", 0)]

    return line.handler, check


class ChipRng:
    """6.21: while it is started, a byte after the other."""

    def __init__(self) -> None:
        self.registers, self.machine = Registers(), Machine()
        self.running = False
        self.registers.on_write = {0x000: lambda _: self._run(True), 0x004: lambda _: self._run(False)}
        self.rng = TrueRng(self.registers, self.machine.line(lambda: bool(self.registers.words.get(0x100))))

    def _run(self, on: bool) -> None:
        self.running = on

    def goes_on(self) -> None:
        for _ in range(20):
            if self.running:
                self.registers.words |= {0x100: 1, 0x508: 7}
            self.machine.run()


def rng_that_gives(asks_again: bool) -> Scene:
    chip, buffer, other = ChipRng(), Buffer(4), Buffer(4)
    told = Told((lambda: chip.rng.fill(other.move(chip.rng), 3)) if asks_again else None)
    chip.rng.set_client(told)
    chip.rng.fill(buffer.move(chip.rng), 1)
    chip.registers.words |= {0x100: 1, 0x508: 9}

    def check() -> None:
        chip.goes_on()
        assert told.what == [("filled", 1, 0)] + [("filled", 3, 0)] * asks_again
        assert not chip.running
        assert buffer[0] in (7, 9)
        chip.rng.fill(buffer.move(chip.rng), 2)
        chip.goes_on()
        assert told.what[-1] == ("filled", 2, 0)

    return chip.rng._interrupt, check


class Clock:
    """A HIL ExactClock that runs at once."""

    claimed = False

    def set_client(self, running: Callable[[], None]) -> None:
        pass

    def request(self) -> int:
        self.claimed = True
        return 1

    def release(self) -> None:
        self.claimed = False


def thermometer(asks_again: bool) -> Scene:
    registers, clock, machine = Registers(), Clock(), Machine()
    sensor = Temperature(registers, machine.line(lambda: bool(registers.words.get(0x100))), clock)
    told = Told(sensor.measure if asks_again else None)
    sensor.set_client(told.value)
    sensor.measure()
    registers.words |= {0x100: 1, 0x508: 90}

    def check() -> None:
        machine.run()
        assert set(told.what) == {(2250,)}
        assert clock.claimed == asks_again
        del told.what[:]
        if not asks_again:
            sensor.measure()
        registers.words |= {0x100: 1, 0x508: 80}
        machine.run()
        assert told.what == [(2000,)]
        assert not clock.claimed

    return sensor._done, check


def simulated_axes() -> Scene:
    told: list[tuple[int, ...]] = []
    sensor = SimulatedNineAxis(Registers())
    sensor.set_client(lambda *values: told.append(values), None)
    sensor.measure(1)

    def check() -> None:
        assert set(told) == {(0, 0, 1000)}

    return sensor._done, check


def simulated_thermometer() -> Scene:
    told = Told()
    registers = Registers()
    registers.words[0] = 52_000
    sensor = SimulatedSensor(registers, TEMPERATURE, FakeAlarm(), 1800, 800)
    sensor.set_client(told.value)
    sensor.measure()

    def check() -> None:
        assert set(told.what) == {(2000,)}

    return sensor._done, check


def alarms(processes: int, capsules: int, again: bool) -> Scene:
    """Some of both kinds are due at once; the first of the capsules sets its own again."""
    clock = FakeAlarm()
    mux = AlarmMux(clock)
    told: list[object] = []
    mux.for_processes.set_client(lambda slot, now, due: told.append(slot))
    virtual = [mux.new_alarm() for _ in range(capsules)]

    def fired(number: int) -> None:
        told.append(f"capsule {number}")
        if again and told.count("capsule 0") == 1 and number == 0:
            trace = sys.gettrace()
            sys.settrace(None)
            virtual[0].set_alarm(50)
            sys.settrace(trace)

    for number, alarm in enumerate(virtual):
        alarm.set_client(lambda number=number: fired(number))
        alarm.set_alarm(10)
    for slot in range(processes):
        mux.for_processes.set_alarm(slot, 0, 10)
    clock.time, clock.due = 10, None

    def check() -> None:
        everybody = {*range(processes), *(f"capsule {number}" for number in range(capsules))}
        assert set(told) == everybody
        assert len(told) <= len(everybody) + 1  # who was being called may hear it again
        clock.pass_time(100)
        if again:
            assert told[-1] == "capsule 0"
        del told[:]
        for slot in range(processes):
            mux.for_processes.set_alarm(slot, clock.now(), 20)
        for alarm in virtual:
            alarm.set_alarm(20)
        clock.pass_time(100)
        assert set(told) >= everybody

    return mux._look, check


def rtc(again: bool) -> Scene:
    """Its alarm is due; its client may hear that twice."""
    chip = Rtc(Random(1))
    alarm = RtcAlarm(chip.registers, chip.line)
    told = Told((lambda: alarm.set_alarm(500)) if again else None)
    alarm.set_client(lambda: told.value(chip.tick))
    alarm.set_alarm(100)
    chip.advance_to_interrupt()

    def fires() -> int:
        for _ in range(8):
            chip.advance_to_interrupt()
            if chip.line.pending or chip.line.level():
                chip.line.pending = False
                chip.line.handler()
        return len(told.what)

    def check() -> None:
        assert 1 <= len(told.what) <= 2
        if again:
            assert fires() >= 2
        told.what.clear()
        alarm.set_alarm(300)
        assert fires() == 1

    return chip.line.handler, check


def probe(asks_again: bool) -> Scene:
    """Something is sent and something has come, both around the ends of their rings."""
    machine, alarm = Machine(), FakeAlarm(frequency=32768 << 8)
    manifest = tomllib.loads((ROOT / "boards" / "nrf52840" / "memory.toml").read_text())
    registers = Registers(0x100, dma=manifest["peripherals"]["rtt"]["dma"])
    uart = RttUart(registers, alarm, machine.line())
    out, back, other = Buffer(64), Buffer(64), Buffer(8)
    other.set(0, b"more")
    sent, got = Told((lambda: uart.transmit(other.move(uart), 4)) if asks_again else None), Told()
    client = SimpleNamespace(transmitted=sent.filled, received=got.filled)
    uart.set_client(client)
    uart.start()
    words = registers.words
    up, down = words[0x1C], words[0x34]
    uart._tx_from = words[0x24] = words[0x28] = 500
    uart._rx_from = words[0x40] = 60
    words[0x3C] = 60 + 20 - 64
    for at, byte in enumerate(b"what the probe wrote"):
        memory(down, 64)[(60 + at) % 64] = byte
    out.set(0, b"what the board has to say")
    uart.transmit(out.move(uart), 25)
    uart.receive(back.move(uart), 20)

    def check() -> None:
        machine.run()
        assert sent.what == [("filled", 25, 0)] + [("filled", 4, 0)] * asks_again
        assert got.what == [("filled", 20, 0)]
        assert back.get(0, 20) == b"what the probe wrote"
        ring = bytes(memory(up, 512))
        said = (ring + ring)[500 : 512 + words[0x24]]
        assert said == b"what the board has to say" + b"more" * asks_again
        assert words[0x40] == words[0x3C]
        uart.transmit(out.move(uart), 3)
        machine.run()
        assert sent.what[-1] == ("filled", 3, 0)

    return uart._serve, check


def uarte() -> tuple[ChipUarte, Uarte]:
    chip = ChipUarte()
    counter, pin = TimerCounter(chip.counter.registers, chip.counter.line), FakePin()
    pin.make_input(1)
    return chip, Uarte(chip.registers, chip.line, counter, UarteClock(chip, 0), UarteAlarm(chip), pin, (6, 8, -1, -1))


class OfMux:
    """A client of a multiplexer's."""

    def __init__(self, mux: UartMux, again: int = 0) -> None:
        self.uart = mux.new_device()
        self.uart.set_client(self)
        self.sent, self.got = 0, b""
        self.again = again
        self.out, self.back = Buffer(8), Buffer(8)

    def send(self) -> None:
        self.uart.transmit(self.out, 2)

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        self.sent += 1
        if self.again:
            self.again -= 1
            self.send()

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        self.got += buffer.get(0, length)
        self.uart.receive(self.back, 1)


MUX = "virtual/virtual_uart.py"


def cut_in_the_mux(driver: str, what: str, after: int) -> str:
    """The multiplexer is cut short where a driver calls it back; nobody calls the driver but the hardware. Where."""
    if driver == "Uarte":
        chip, uart = uarte()
        machine = None
    else:
        machine, alarm = Machine(), FakeAlarm(frequency=32768 << 8)
        manifest = tomllib.loads((ROOT / "boards" / "nrf52840" / "memory.toml").read_text())
        registers = Registers(0x100, dma=manifest["peripherals"]["rtt"]["dma"])
        uart = RttUart(registers, alarm, machine.line())
    mux = UartMux(uart, Buffer(16))
    one, other = OfMux(mux, 1), OfMux(mux)
    uart.start()

    def goes_on() -> None:
        for _ in range(12):
            if driver == "Uarte":
                chip.advance(chip.BYTE)
                for line in (chip.counter.line, chip.line):
                    if line.pending or line.level():
                        line.pending = False
                        line.handler()
            else:
                machine.run()
                alarm.pass_time(1 << 20)
            run_deferred()

    def come(data: bytes) -> None:
        if driver == "Uarte":
            chip.arriving += [(chip.time + (n + 1) * chip.BYTE, byte) for n, byte in enumerate(data)]
            return
        words = registers.words
        for byte in data:
            memory(words[0x34], 64)[words[0x3C]] = byte
            words[0x3C] = (words[0x3C] + 1) % 64

    one.uart.receive(one.back, 1)
    goes_on()
    if what == "sends":
        one.send()
        other.send()
        if driver == "Uarte":
            chip.advance(3 * chip.BYTE)
    else:
        come(b"a")
        if driver == "Uarte":
            chip.advance(2 * chip.BYTE)
    cut = cut_short(uart._interrupt if driver == "Uarte" else uart._serve, after, MUX, True)
    goes_on()
    if cut.startswith("UartDevice"):
        return cut  # that was in its user's own call
    if what == "sends":
        assert (one.sent, other.sent) == (2, 1), cut
        one.send()
        other.send()
        goes_on()
        assert (one.sent, other.sent) == (3, 2), cut
    else:
        assert one.got == b"a", cut
        come(b"b")
        goes_on()
        assert one.got == b"ab", cut
    return cut


@pytest.mark.parametrize("what", ["sends", "receives"])
@pytest.mark.parametrize("driver", ["Uarte", "RttUart"])
def test_a_multiplexer_that_is_cut_short_when_its_driver_calls_it_is_called_again(driver: str, what: str) -> None:
    for after in range(2000):
        if not cut_in_the_mux(driver, what, after):
            assert after > 20, "nothing was cut short"
            return
    raise AssertionError("it does not end")


def uarte_that_sends(asks_again: bool) -> Scene:
    chip, uart = uarte()
    buffer, other = Buffer(8), Buffer(8)
    sent = Told((lambda: uart.transmit(other.move(uart), 4)) if asks_again else None)
    uart.set_client(SimpleNamespace(transmitted=sent.filled, received=sent.filled))
    uart.start()
    uart.transmit(buffer.move(uart), 2)
    chip.advance(3 * chip.BYTE)

    def goes_on() -> None:
        for _ in range(20):
            chip.advance(chip.BYTE)
            if chip.line.level():
                chip.line.handler()

    def check() -> None:
        goes_on()
        assert sent.what == [("filled", 2, 0)] + [("filled", 4, 0)] * asks_again
        uart.transmit(buffer.move(uart), 3)
        goes_on()
        assert sent.what[-1] == ("filled", 3, 0)

    return uart._interrupt, check


def simulated_adc(asks_again: bool) -> Scene:
    """One sample; the client may hear of it twice."""
    registers, told = Registers(), Told((lambda: adc.sample(1)) if asks_again else None)
    registers.words = {FIRST: 50000 + 1650, FIRST + 4: 50000 + 3300}
    adc = SimulatedAdc(registers, FakeAlarm(frequency=32768 * 256), 2)
    adc.set_client(SimpleNamespace(sampled=told.value, filled=told.filled))
    run_deferred()
    adc.sample(0)

    def check() -> None:
        run_deferred()
        assert told.what[0] == (0x8000,)
        assert set(told.what) == ({(0x8000,), (0xFFF0,)} if asks_again else {(0x8000,)})
        assert len(told.what) <= 2 + asks_again
        told.what.clear()
        assert adc.sample(1) == 0
        run_deferred()
        assert told.what == [(0xFFF0,)]

    return adc._one, check


SCENES: dict[str, dict[str, Callable[[], Scene]]] = {
    "OnChipFlash._done": {"writes": flash_that_writes, "erases": flash_that_erases},
    "TrueRng._interrupt": {"gives": lambda: rng_that_gives(False), "gives and is asked": lambda: rng_that_gives(True)},
    "Temperature._done": {"measures": lambda: thermometer(False), "measures and is asked": lambda: thermometer(True)},
    "SimulatedSensor._done": {"measures": simulated_thermometer},
    "SimulatedNineAxis._done": {"measures": simulated_axes},
    "SimulatedAdc._one": {
        "samples": lambda: simulated_adc(False),
        "samples, and is asked": lambda: simulated_adc(True),
    },
    "RtcAlarm._interrupt": {"fires": lambda: rtc(False), "fires and is set": lambda: rtc(True)},
    "Uarte._interrupt": {
        "sends": lambda: uarte_that_sends(False),
        "sends, and is asked": lambda: uarte_that_sends(True),
    },
    "RttUart._serve": {
        "sends": lambda: probe(False),
        "sends, and is asked": lambda: probe(True),
    },
    "AlarmMux._look": {
        "of processes": lambda: alarms(3, 0, False),
        "of capsules": lambda: alarms(0, 3, False),
        "of both, one again": lambda: alarms(2, 2, True),
    },
}

CORE = "test_cut_short_in_core.py"
ELSEWHERE = {
    "ConsoleSessions._serve": "test_capsule_sessions.py",
    "CmsdkReceiver._interrupt": "test_capsule_uarts.py",
    "CmsdkUart._transmit_interrupt": "test_capsule_uarts.py",
    "UartMux._hand_out": "test_capsule_uarts.py",
    "Steps._go_on": "test_capsule_i2c.py",
    "Twim._interrupt": "test_nrf52_buses.py",
    "Spim._interrupt": "test_nrf52_buses.py",
    "Turns._look": "test_capsule_i2c.py",
    "PieceWork._next": "test_capsule_digests.py",
    "HmacDriver._step": "test_capsule_digests.py",
    "AppLoader._compare": "test_capsule_app_loader.py",
    "AppStore._go_on": "test_capsule_app_store.py",
    "Deploy._go_on": "test_capsule_deploy.py",
    "Gpiote._interrupt": "test_nrf52_chip.py",
    "KernelLogWriter._send": CORE,
    "ProcessFaults._look": CORE,
    "Clock._interrupt": CORE,
    "FlashRegions._step": CORE,
    "TimerCounter._interrupt": CORE,
    "TimerAlarm._interrupt": CORE,
    "Watchdog.feed": CORE,
    "PwmPins._interrupt": CORE,
    "Ecb._interrupt": CORE,
    "Saadc._interrupt": CORE,
}
"""Of some, a cut loses something: these files say where."""

NOT_PLAYED = {
    "Bench._next": "of a bring-up, whose next test begins after the limit",
    "Jobs._look": "likewise",
    "Latency._came": "likewise",
    "Latency._triggered": "likewise",
}


def test_each_handler_that_the_kernel_calls_is_played_or_said_not_to_be() -> None:
    listed = [*SCENES, *ELSEWHERE, *NOT_PLAYED]
    assert len(set(listed)) == len(listed)
    called = {name for name in SCENES if name == "AlarmMux._look"}  # by the hardware's driver
    assert set(listed) - called == handlers(), "add a scene for a new handler here"
    for name, file in ELSEWHERE.items():
        text = (Path(__file__).parent / file).read_text()
        assert any(f"{play}(" in text for play in ("every_cut", "losses", "cut_short", "Cutter"))
        assert file != CORE or f'"{name}"' in text


@pytest.mark.parametrize(("handler", "scene"), [(name, scene) for name, scenes in SCENES.items() for scene in scenes])
def test_cut_short_anywhere_it_tells_its_client_when_it_is_called_once_more(handler: str, scene: str) -> None:
    every_cut(SCENES[handler][scene])
    assert "failed" not in the_log.text
    run_deferred()
