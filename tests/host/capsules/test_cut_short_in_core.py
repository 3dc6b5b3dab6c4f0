"""What the kernel calls by itself for all programs, or for one client alone, cut short before each opcode.

As in test_cut_short.py: it is called once more. Of most, all that was to be done has then been done. For the others
the functions are listed in which a time-out would lose something: nobody can have that come about but their capsule
itself, and it does not, since each handler is over in a thirtieth of its time budget (the last test).
"""

import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from cells import Buffer
from cut_short import cut_short, every_cut, losses
from hardware import FakeAlarm, FakeFlash, FakePin, FakeUart
from kernel import InterruptLine, Machine, Registers, run_deferred, the_log
from nrf52_buses import ChipEcb, ChipPwm, ChipSaadc

from capsules.core.kernel_log import KernelLogWriter
from capsules.core.process_faults import ProcessFaults
from capsules.drivers.nrf52.clock import SOURCE_CRYSTAL, Clock
from capsules.drivers.nrf52.ecb import Ecb
from capsules.drivers.nrf52.event_counter import TimerCounter
from capsules.drivers.nrf52.pwm import PwmPins
from capsules.drivers.nrf52.saadc import Saadc
from capsules.drivers.nrf52.timer import TimerAlarm
from capsules.drivers.nrf52.watchdog import Watchdog
from capsules.hil.aes import MODE_CTR, MODE_ECB
from capsules.virtual.flash_regions import AROUND, BEFORE, FlashRegions
from capsules.virtual.virtual_alarm import AlarmMux

Scene = tuple[Callable[[], None], Callable[[], None]]


def untraced(function: Callable[[], object]) -> None:
    """What a client does is not cut short here."""
    trace = sys.gettrace()
    sys.settrace(None)
    function()
    sys.settrace(trace)


# -- For all programs ---------------------------------------------------------------------------


def log_writer() -> Scene:
    """A text that is longer than its buffer; and another one later."""
    uart, machine = FakeUart(), Machine()
    the_log.pending.clear()
    writer = KernelLogWriter(the_log, uart, machine.line(), Buffer(8))
    machine.lines[0].trigger()
    machine.run()
    the_log.put("what the kernel says")
    machine.lines[0].pending = False

    def check() -> None:
        machine.run()
        uart.finish_all()
        assert uart.sent == b"what the kernel says\r\n"
        the_log.put("more")
        machine.run()
        uart.finish_all()
        assert uart.sent == b"what the kernel says\r\nmore\r\n"
        the_log.line = None

    return writer._send, check


def faults() -> Scene:
    """Two processes have faulted at once."""
    machine, clock = Machine(), FakeAlarm()
    mux = AlarmMux(clock)
    the_log.pending.clear()
    look = ProcessFaults(machine.control, machine.line(), mux.new_alarm(), mux.new_alarm())
    apps = [machine.process(f"app{number}") for number in range(3)]
    apps[0].fault()
    apps[2].fault()
    machine.lines[0].pending = False

    def check() -> None:
        for _ in range(60):
            machine.run()
            clock.pass_time(25_000_000 // 256 // 20)
        said = the_log.text
        the_log.pending.clear()
        assert [said.count(f"App: app{number}") for number in range(3)] == [1, 0, 1]
        assert [one.facts.get("restarts", 0) for one in apps] == [1, 0, 1]

    return look._look, check


def crystal(again: bool) -> Scene:
    """Two wait for it, one of whom releases and asks again when he is told."""
    registers, machine = Registers(), Machine()
    state = SimpleNamespace(event=1, runs=False)
    registers.on_write = {
        0x000: lambda _: setattr(state, "runs", False),
        0x004: lambda _: setattr(state, "runs", False),
        0x100: lambda value: setattr(state, "event", value),
    }
    registers.on_read = {0x100: lambda: state.event, 0x40C: lambda: 1 << 16 | int(state.runs)}
    clock = Clock(registers, machine.line(lambda: bool(state.event)), SOURCE_CRYSTAL)
    users, told, asks = [clock.new_high() for _ in range(3)], [], [again]

    def running(number: int) -> None:
        told.append(number)
        if number == 1 and asks[0]:
            asks[0] = False
            untraced(lambda: (users[0].release(), users[1].release(), users[1].request()))

    for number, user in enumerate(users[:2]):
        user.set_client(lambda number=number: running(number))
        assert user.request() == 0
    state.event, state.runs = 1, True

    def check() -> None:
        assert set(told) == {0, 1}
        assert len(told) <= 3  # who was being told may hear it again
        if again:
            del told[:]
            state.event, state.runs = 1, True
            machine.run()
            assert set(told) <= {1}
        assert clock._waiting == clock._telling == 0
        del told[:]
        state.event = 1
        machine.run()
        assert told == []

    return clock._interrupt, check


def storage(doing: str) -> Scene:
    """A region of 128 bytes, of which a program writes or reads some."""
    flash, machine = FakeFlash(bytearray(b"\xff" * 1024), 256), Machine()
    regions = FlashRegions(flash, machine.line(), Buffer(32), Buffer(16))
    told: list[int] = []
    buffer = Buffer(16 + AROUND)
    regions.set_client(lambda _, status: told.append(status))

    def run() -> None:
        machine.run()
        while flash.step():
            machine.run()

    def write(text: bytes) -> None:
        buffer.set(BEFORE, text)
        regions.write(region, 0, buffer, len(text))

    assert regions.find(7) < 0
    region = regions.new(7)
    write(b"before")
    run()
    told.clear()
    if doing == "write":
        write(b"after!")
    else:
        regions.read(region, 0, buffer, 6)
    machine.lines[0].pending = False

    def check() -> None:
        run()
        assert told == [0]
        if doing == "read":
            assert buffer.get(0, 6) == b"before"
        for text in (b"once more"[:6],):
            write(text)
            run()
            regions.read(region, 0, buffer, 6)
            run()
            assert buffer.get(0, 6) == text
        assert told == [0, 0, 0]

    return regions._step, check


_TIMER_NOW = 0x544  # CC[1]


# -- For one ------------------------------------------------------------------------------------


def counter() -> Scene:
    """What is counted has reached the target; the client may hear that twice."""
    registers, line, told = Registers(), InterruptLine(), []
    count = TimerCounter(registers, line)
    count.set_client(lambda: told.append(1))
    registers.words[_TIMER_NOW] = 0
    count.set_target(3)
    registers.words[_TIMER_NOW] = 3

    def check() -> None:
        assert 1 <= len(told) <= 2
        del told[:]
        line.handler()
        assert told == []
        count.set_target(5)
        line.handler()
        assert told == []
        registers.words[_TIMER_NOW] = 5
        line.handler()
        assert told == [1]

    return count._interrupt, check


def timer() -> Scene:
    registers, line, fired = Registers(), InterruptLine(), []
    alarm = TimerAlarm(registers, line)
    alarm.set_client(lambda: fired.append(1))
    registers.words[_TIMER_NOW] = 0
    alarm.set_alarm(100)
    registers.words[_TIMER_NOW] = 110
    line.pending = False

    def check() -> None:
        assert 1 <= len(fired) <= 2
        del fired[:]
        alarm.set_alarm(100)
        registers.words[_TIMER_NOW] = 220
        line.handler()
        assert len(fired) == 1

    return alarm._interrupt, check


def watchdog() -> Scene:
    registers, fed = Registers(), []
    for number in range(8):
        registers.on_write[0x600 + 4 * number] = lambda value, number=number: fed.append(number)
    registers.words |= {0x400: 1, 0x508: 0b10100001}
    dog = Watchdog(registers, Machine().line(), FakeAlarm(frequency=32768 * 256), 8)
    dog.start()
    del fed[:]

    def check() -> None:
        assert set(fed) == {0, 5, 7}

    return dog.feed, check


def pulses(what: str) -> Scene:
    """The hardware has taken what it was to make, or has stopped; meanwhile something else is wanted."""
    machine, chip = Machine(), ChipPwm()
    machine.lines.append(chip.line)
    pwm = PwmPins(chip.registers, chip.line, SimpleNamespace(pin=lambda _: FakePin()), (13, 14, 41))
    pwm.pulse(0, 1000, 5000)
    if what == "stopped":
        chip.step()
        machine.run()
        pwm.stop(0)
    pwm.pulse(0 if what == "stopped" else 1, 1000, 2500)
    chip.step()

    def settle() -> list[float]:
        for _ in range(6):
            machine.run()
            chip.step()
        machine.run()
        return chip.pulses()[1][:2]

    def check() -> None:
        assert settle() == ([0.25, 0] if what == "stopped" else [0.5, 0.25])
        pwm.pulse(0, 1000, 7500)
        assert settle()[0] == 0.75

    return pwm._interrupt, check


def cipher(mode: int, fails: int = 0) -> Scene:
    """Two blocks in place, the second of which is the last."""
    machine, chip = Machine(), ChipEcb(lambda key, text: bytes(a ^ b ^ 0x55 for a, b in zip(key, text, strict=True)))
    machine.lines.append(chip.line)
    aes, told = Ecb(chip.registers, chip.line), []
    aes.set_client(SimpleNamespace(crypted=lambda source, dest, status: told.append((dest.give_back(), status))))

    def run() -> None:
        for _ in range(6):
            chip.run()
            machine.run()

    def crypt() -> bytes:
        buffer = Buffer(32)
        buffer.set(0, bytes(range(32)))
        for part in (aes.set_mode(mode, True), aes.set_key(key), aes.set_iv(iv), aes.start_message()):
            assert part == 0
        assert aes.crypt(None, buffer.move(aes), 0, 32) == 0
        return b""

    key, iv = Buffer(16), Buffer(16)
    crypt()
    run()
    wanted = told.pop()[0].get(0, 32)
    chip.fails = fails
    crypt()
    chip.run()

    def check() -> None:
        run()
        assert [(buffer.get(0, 32), status) for buffer, status in told] == [(wanted, 0)]
        crypt()
        run()
        assert told[1][0].get(0, 32) == wanted

    return aes._interrupt, check


def analog(what: str) -> Scene:
    machine, chip, alarm = Machine(), ChipSaadc(), FakeAlarm(frequency=32768 * 256)
    machine.lines.append(chip.line)
    adc, told = Saadc(chip.registers, chip.line, alarm, (1, 4, 9)), []
    chip.volts = {1: 1.8}
    adc.set_client(
        SimpleNamespace(
            sampled=lambda sample, status: told.append(sample),
            filled=lambda buffer, count, status: told.append(buffer.give_back().get(0, 2 * count)),
        )
    )
    if what != "calibrates":
        chip.calibrated()
        machine.run()
    if what == "fills":
        adc.sample_buffers(0, 10_000, Buffer(4).move(adc), 2)
        machine.run()
        chip.convert()
        chip.convert()
    else:
        adc.sample(0)
        if what == "calibrates":
            chip.calibrated()

    def check() -> None:
        machine.run()
        assert told == ([b"\x00\x80" * 2] if what == "fills" else [0x8000])
        adc.sample(0)
        machine.run()
        assert told[1:] == [0x8000]

    return adc._interrupt, check


SCENES: dict[str, dict[str, Callable[[], Scene]]] = {
    "ProcessFaults._look": {"two": faults},
    "Clock._interrupt": {"two wait": lambda: crystal(False), "one asks again": lambda: crystal(True)},
    "TimerCounter._interrupt": {"reached": counter},
    "TimerAlarm._interrupt": {"fires": timer},
    "Watchdog.feed": {"feeds": watchdog},
}

LOSES: dict[str, dict[str, tuple[Callable[[], Scene], set[str]]]] = {
    "KernelLogWriter._send": {"says": (log_writer, {"KernelLogWriter._send"})},
    "FlashRegions._step": {
        "writes": (lambda: storage("write"), {"FlashRegions._append"}),
        "reads": (lambda: storage("read"), {"FlashRegions._finish"}),
    },
    "PwmPins._interrupt": {
        "plays": (lambda: pulses("plays"), {"PwmPins._interrupt", "PwmPins._apply"}),
        "has stopped": (lambda: pulses("stopped"), {"PwmPins._interrupt", "PwmPins._apply", "PwmPins._set_frequency"}),
    },
    "Ecb._interrupt": {
        "a block": (
            lambda: cipher(MODE_ECB),
            {"Ecb._interrupt", "Ecb._take_ciphertext", "Ecb._begin_block", "Ecb._put_cleartext"},
        ),
        "a counter": (
            lambda: cipher(MODE_CTR),
            {"Ecb._interrupt", "Ecb._take_ciphertext", "Ecb._begin_block", "Ecb._count"},
        ),
        "fails": (lambda: cipher(MODE_ECB, 1), {"Ecb._interrupt"}),
    },
    "Saadc._interrupt": {
        "calibrates": (lambda: analog("calibrates"), {"Saadc._interrupt", "Saadc._halt", "Saadc._convert"}),
        "samples": (
            lambda: analog("samples"),
            {"Saadc._interrupt", "Saadc._halt", "Saadc._is_started", "Saadc._is_filled", "Saadc._justify"},
        ),
        "fills": (
            lambda: analog("fills"),
            {"Saadc._interrupt", "Saadc._halt", "Saadc._deliver", "Saadc._is_filled", "Saadc._justify"},
        ),
    },
}

LONGEST = 2000
"""Opcodes, none of which takes 100 instructions: of a budget of 100 ms, or 6,400,000 on the nRF52840, a thirtieth."""


@pytest.mark.parametrize(("handler", "scene"), [(name, scene) for name, scenes in SCENES.items() for scene in scenes])
def test_cut_short_anywhere_all_is_done_when_it_is_called_once_more(handler: str, scene: str) -> None:
    every_cut(SCENES[handler][scene])
    run_deferred()


@pytest.mark.parametrize(("handler", "scene"), [(name, scene) for name, scenes in LOSES.items() for scene in scenes])
def test_a_cut_loses_something_where_that_is_listed_and_nowhere_else(handler: str, scene: str) -> None:
    play, places = LOSES[handler][scene]
    assert set(losses(play)) == places
    run_deferred()


def test_none_of_these_handlers_comes_near_its_time_budget() -> None:
    scenes = [scene for those in SCENES.values() for scene in those.values()]
    scenes += [scene for those in LOSES.values() for scene, _ in those.values()]
    assert len(scenes) > 10
    for scene in scenes:
        handler, _ = scene()
        assert cut_short(handler, LONGEST) == ""
