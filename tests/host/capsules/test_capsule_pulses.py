"""What makes pulses: core/pwm.py, buzzer.py and servo.py, virtual/virtual_pwm.py, and the pins that are none."""

import pytest
from hardware import FakeAlarm
from kernel import ErrorCode, Registers

from capsules.core import buzzer, pwm, servo
from capsules.drivers.simulated.pwm import SimulatedPwm
from capsules.virtual.virtual_pwm import PwmMux

EXISTS = 0
MS = 25_000_000 / 256 / 1000


@pytest.fixture
def registers() -> Registers:
    return Registers(0x40)


@pytest.fixture
def mux(registers) -> PwmMux:
    return PwmMux(SimulatedPwm(registers, 6))


def of_pin(registers, pin: int) -> tuple[int, int]:
    return registers.words.get(8 * pin, 0), registers.words.get(8 * pin + 4, 0)


def test_shares_have_pins_of_their_own(mux, registers) -> None:
    first, second = mux.new_share(2), mux.new_share(1)
    assert (first.pins(), second.pins(), second.maximum_frequency()) == (2, 1, 1_000_000)
    assert first.pulse(1, 440, 5000) == second.pulse(0, 50, 10_000) == 0
    assert [of_pin(registers, pin) for pin in range(3)] == [(0, 0), (440, 5000), (50, 10_000)]
    assert [share.pulse(pin, 1, 1) for share, pin in ((first, 2), (first, -1), (second, 1))] == [ErrorCode.INVAL] * 3
    assert [share.stop(pin) for share, pin in ((first, 2), (first, -1), (second, 1))] == [ErrorCode.INVAL] * 3
    assert first.stop(1) == 0
    assert [of_pin(registers, pin)[0] for pin in range(3)] == [0, 0, 50]


# -- PWM --

PULSE, STOP, FASTEST, COUNT = 1, 2, 3, 4


@pytest.fixture
def pulsing(machine, mux):
    grant = machine.grant(pwm.DRIVER_NUM, pwm.LAYOUT)
    machine.serve(grant, pwm.PwmDriver(mux.new_share(4), grant).command, words=False)
    return [machine.process() for _ in range(2)]


def test_a_pin_pulses_for_the_process_that_has_it(pulsing, registers) -> None:
    one, other = pulsing
    assert one.command(pwm.DRIVER_NUM, EXISTS) == ()
    assert one.command(pwm.DRIVER_NUM, COUNT) == (4,)
    assert one.command(pwm.DRIVER_NUM, FASTEST, 3) == (1_000_000,)
    assert one.command(pwm.DRIVER_NUM, PULSE, 3 | 10_000 << 16, 1000) == ()
    assert of_pin(registers, 3) == (1000, 10_000)
    for what in ((PULSE, 3, 1), (STOP, 3)):
        assert other.command(pwm.DRIVER_NUM, *what) == ErrorCode.RESERVE
    assert one.command(pwm.DRIVER_NUM, PULSE, 3 | 10 << 16, 5) == ()
    assert of_pin(registers, 3) == (5, 10)
    assert one.command(pwm.DRIVER_NUM, STOP, 3) == ()
    assert of_pin(registers, 3)[0] == 0
    assert one.command(pwm.DRIVER_NUM, STOP, 3) == ErrorCode.OFF
    assert other.command(pwm.DRIVER_NUM, PULSE, 3, 1) == ()


def test_a_pin_of_a_process_that_has_died_is_anybodys_and_pulses_no_more_when_others_do(pulsing, registers) -> None:
    one, other = pulsing
    for pin in (0, 1):
        assert one.command(pwm.DRIVER_NUM, PULSE, pin, 1) == ()
    one.restart()
    assert other.command(pwm.DRIVER_NUM, PULSE, 0, 7) == ()  # hardware with one frequency for all would refuse it
    assert [of_pin(registers, pin)[0] for pin in (0, 1)] == [7, 0]
    assert other.command(pwm.DRIVER_NUM, STOP, 1) == ErrorCode.OFF
    assert one.command(pwm.DRIVER_NUM, STOP, 0) == ErrorCode.RESERVE


def test_pulses_that_could_never_be_are_refused(pulsing) -> None:
    one = pulsing[0]
    for first, frequency in ((4, 1), (0xFFFF, 1), (10_001 << 16, 1), (0, 0), (0, 1_000_001), (0, 0xFFFFFFFF)):
        assert one.command(pwm.DRIVER_NUM, PULSE, first, frequency) == ErrorCode.INVAL
    assert [one.command(pwm.DRIVER_NUM, n, pin) for n in (STOP, FASTEST) for pin in (4, 0xFFFFFFFF)] == [6] * 4
    assert [one.command(pwm.DRIVER_NUM, n) for n in (5, 0xFFFFFFFF)] == [ErrorCode.NOSUPPORT] * 2
    assert one.command(pwm.DRIVER_NUM, PULSE, 0, 1) == ()
    pulsing[1].grants_left = 0
    for number in (PULSE, STOP):
        assert pulsing[1].command(pwm.DRIVER_NUM, number, 0, 1) == ErrorCode.NOMEM


# -- Buzzer --

TONE, AT_ONCE, SILENCE = 1, 2, 3


@pytest.fixture
def alarm() -> FakeAlarm:
    return FakeAlarm()


@pytest.fixture
def buzzing(machine, mux, alarm):
    grant = machine.grant(buzzer.DRIVER_NUM, buzzer.LAYOUT)
    machine.serve(grant, buzzer.BuzzerDriver(mux.new_share(1), alarm, grant).command, words=False)
    return [machine.process() for _ in range(3)]


def test_tones_sound_one_after_the_other_each_for_its_time(buzzing, registers, alarm) -> None:
    assert buzzing[0].command(buzzer.DRIVER_NUM, EXISTS) == ()
    for n, app in enumerate(buzzing):
        assert app.command(buzzer.DRIVER_NUM, TONE, 440 + n, 100) == ()
    assert buzzing[1].command(buzzer.DRIVER_NUM, TONE, 1, 1) == ErrorCode.NOMEM
    order = []
    for _ in buzzing:
        order.append(of_pin(registers, 0))
        alarm.pass_time(int(97 * MS))
        assert of_pin(registers, 0) == order[-1]
        alarm.pass_time(int(4 * MS))
    assert sorted(order) == [(440, 5000), (441, 5000), (442, 5000)]
    assert of_pin(registers, 0)[0] == 0
    assert [app.take_upcalls() for app in buzzing] == [[(buzzer.DRIVER_NUM, 0, 0, 0, 0)]] * 3


def test_a_tone_is_replaced_and_stopped_by_its_own_process_alone(buzzing, registers, alarm) -> None:
    one, other, _ = buzzing
    assert one.command(buzzer.DRIVER_NUM, SILENCE) == ErrorCode.OFF
    assert one.command(buzzer.DRIVER_NUM, AT_ONCE, 440, 1000) == ()
    assert one.command(buzzer.DRIVER_NUM, AT_ONCE, 880, 0xFFFFFFFF) == ()
    assert of_pin(registers, 0) == (880, 5000)
    assert [other.command(buzzer.DRIVER_NUM, n, 1, 1) for n in (AT_ONCE, SILENCE)] == [ErrorCode.RESERVE] * 2
    alarm.pass_time(int(4990 * MS))
    assert of_pin(registers, 0) == (880, 5000)
    assert one.command(buzzer.DRIVER_NUM, SILENCE) == ()
    assert of_pin(registers, 0)[0] == 0
    assert one.take_upcalls() == [(buzzer.DRIVER_NUM, 0, 0, 0, 0)]
    assert alarm.due is None


def test_who_sounds_anew_all_the_time_keeps_nobody_waiting(buzzing, registers, alarm) -> None:
    one, other, _ = buzzing
    assert one.command(buzzer.DRIVER_NUM, TONE, 440, 1000) == ()
    assert other.command(buzzer.DRIVER_NUM, TONE, 880, 1000) == ()
    for _ in range(10):
        assert of_pin(registers, 0)[0] in (440, 441)
        assert one.command(buzzer.DRIVER_NUM, AT_ONCE, 441, 5000) == ()
        alarm.pass_time(int(99 * MS))
    alarm.pass_time(int(20 * MS))
    assert of_pin(registers, 0) == (880, 5000)
    assert one.take_upcalls() == [(buzzer.DRIVER_NUM, 0, 0, 0, 0)]


def test_a_process_that_dies_while_it_sounds_or_waits_holds_nobody_up(buzzing, registers, alarm) -> None:
    for n, app in enumerate(buzzing):
        app.command(buzzer.DRIVER_NUM, TONE, 440 + n, 100)
    buzzing[1].restart()
    buzzing[0].fault()
    assert buzzing[1].command(buzzer.DRIVER_NUM, AT_ONCE, 99, 100) == ()  # what sounds is nobody's
    alarm.pass_time(int(101 * MS))
    assert of_pin(registers, 0) == (442, 5000)
    alarm.pass_time(int(101 * MS))
    assert [len(app.take_upcalls()) for app in buzzing] == [0, 1, 1]


def test_tones_that_the_buzzer_has_not_are_refused_or_skipped(buzzing, alarm) -> None:
    one, other, third = buzzing
    assert [one.command(buzzer.DRIVER_NUM, n, 0, 1) for n in (TONE, AT_ONCE)] == [ErrorCode.INVAL] * 2
    assert [one.command(buzzer.DRIVER_NUM, n) for n in (4, 0xFFFFFFFF)] == [ErrorCode.NOSUPPORT] * 2
    third.grants_left = 0
    assert [third.command(buzzer.DRIVER_NUM, n, 1, 1) for n in (TONE, AT_ONCE, SILENCE)] == [ErrorCode.NOMEM] * 3
    one.command(buzzer.DRIVER_NUM, TONE, 440, 10)
    assert other.command(buzzer.DRIVER_NUM, TONE, 0xFFFFFF, 10) == ()  # refused when its turn has come
    alarm.pass_time(int(11 * MS))
    assert one.take_upcalls() == [(buzzer.DRIVER_NUM, 0, 0, 0, 0)]
    assert other.take_upcalls() == [(buzzer.DRIVER_NUM, 0, ErrorCode.INVAL, 0, 0)]


# -- Servo --

SERVOS, TURN, ANGLE = 1, 2, 3


def test_a_servo_turns_to_its_angle(machine, mux, registers) -> None:
    grant = machine.grant(servo.DRIVER_NUM, servo.LAYOUT)
    machine.serve(grant, servo.ServoDriver(mux.new_share(2)).command, words=False)
    app = machine.process()

    def ask(*what: int):
        return app.command(servo.DRIVER_NUM, *what)

    assert ask(EXISTS) == ()
    assert ask(SERVOS) == (2,)
    assert ask(ANGLE, 1) == ErrorCode.FAIL
    for angle, duty in ((0, 250), (90, 750), (180, 1250)):  # 0.5, 1.5, 2.5 ms of 20
        assert ask(TURN, 1, angle) == ()
        assert of_pin(registers, 1) == (50, duty)
        assert ask(ANGLE, 1) == (angle,)
    assert [ask(TURN, 0, angle) for angle in (181, 0xFFFFFFFF)] == [ErrorCode.FAIL] * 2
    assert [ask(n, servo_, 0) for n in (TURN, ANGLE) for servo_ in (2, 0xFFFFFFFF)] == [ErrorCode.NODEVICE] * 4
    assert [ask(n) for n in (4, 0xFFFFFFFF)] == [ErrorCode.NOSUPPORT] * 2


# -- One frequency for all --


class OneFrequency:
    """Pins that pulse together, as an nRF52840's do."""

    def __init__(self) -> None:
        self.runs: dict[int, int] = {}

    def pins(self) -> int:
        return 5

    def maximum_frequency(self) -> int:
        return 1_000_000

    def pulse(self, pin: int, frequency: int, duty: int) -> int:
        if any(running != frequency for other, running in self.runs.items() if other != pin):
            return ErrorCode.RESERVE
        self.runs[pin] = frequency
        return 0

    def stop(self, pin: int) -> int:
        self.runs.pop(pin, None)
        return 0


def test_pulses_of_a_process_that_has_ended_are_in_no_other_drivers_way(machine, alarm) -> None:
    pins = OneFrequency()
    mux = PwmMux(pins)
    grant = machine.grant(pwm.DRIVER_NUM, pwm.LAYOUT)
    machine.serve(grant, pwm.PwmDriver(mux.new_share(3), grant).command, words=False)
    tones = machine.grant(buzzer.DRIVER_NUM, buzzer.LAYOUT)
    machine.serve(tones, buzzer.BuzzerDriver(mux.new_share(1), alarm, tones).command, words=False)
    servos = machine.grant(servo.DRIVER_NUM, servo.LAYOUT)
    machine.serve(servos, servo.ServoDriver(mux.new_share(1)).command, words=False)
    ended, lives, honest = (machine.process() for _ in range(3))
    assert ended.command(pwm.DRIVER_NUM, PULSE, 0, 7) == lives.command(pwm.DRIVER_NUM, PULSE, 1, 7) == ()
    ended.restart()
    for _ in range(2):  # as long as somebody who lives has pulses, others are refused
        assert honest.command(buzzer.DRIVER_NUM, TONE, 440, 100) == ErrorCode.RESERVE
        assert honest.command(servo.DRIVER_NUM, 2, 0, 90) == ErrorCode.FAIL
        assert pins.runs == {1: 7}
    lives.restart()
    assert pins.runs == {1: 7}  # they go on, as on Tock
    assert honest.command(buzzer.DRIVER_NUM, TONE, 440, 100) == ()
    assert pins.runs == {3: 440}
    alarm.pass_time(int(110 * MS))
    assert honest.command(servo.DRIVER_NUM, 2, 0, 90) == ()
    assert pins.runs == {4: 50}
