"""Voltages, and pulses."""

from cells import Buffer
from kernel import log
from micropython import const

from capsules.bench.ticks import TimerBench
from capsules.hil.adc import Adc
from capsules.hil.pwm import Pwm
from capsules.hil.time import Alarm

_MASK = const(0xFFFFFF)


class PwmBench:
    """Changes the pulses, and waits until somebody has looked at them."""

    def __init__(self, pwm: Pwm, alarm: Alarm, following: TimerBench) -> None:
        self._pwm = pwm
        self._alarm = alarm
        self._following = following
        self._step = 0
        self._said = False
        alarm.set_client(self._settled)

    def begin(self) -> None:
        self._do()
        self._alarm.set_alarm(8192)

    def _do(self) -> None:
        pwm = self._pwm
        if self._step == 0:
            pwm.pulse(0, 1000, 2500)
            pwm.pulse(1, 1000, 10000)
        elif self._step == 1:
            refused = pwm.pulse(2, 50, 750)
            log(f"bench: pwm refused {refused}")
            pwm.pulse(0, 1000, 5000)
            pwm.stop(1)
        elif self._step == 2:
            pwm.pulse(0, 50, 750)
        else:
            pwm.stop(0)

    def _settled(self) -> None:
        if not self._said:
            self._said = True
            log(f"bench: pwm step {self._step}")
            self._alarm.set_alarm(8192)
            return
        self._said = False
        self._step += 1
        if self._step < 4:
            self.begin()
        else:
            self._following.begin()


class AdcBench:
    """Single samples, buffers by the converter's timer and by the alarm, and a stop in the middle."""

    def __init__(self, adc: Adc, alarm: Alarm, following: PwmBench) -> None:
        self._adc = adc
        self._alarm = alarm
        self._following = following
        self._first = Buffer(64)
        self._second = Buffer(64)
        self._step = 0
        self._begun = 0
        adc.set_client(self)
        alarm.set_client(self._stop)

    def begin(self) -> None:
        self._adc.sample(0)

    def sampled(self, sample: int, status: int) -> None:
        log(f"bench: adc step {self._step}, status {status}, sample {sample:04x}")
        self._step += 1
        if self._step < 3:
            self._adc.sample(self._step)
        elif self._step == 3:
            self._adc.sample_continuous(0, 100)
        elif self._step == 6:
            self._adc.stop()
            self._sample(100_000, 32)
            self._adc.provide_buffer(self._second.move(self._adc), 16)

    def _sample(self, frequency: int, count: int) -> None:
        self._begun = self._alarm.now()
        refused = self._adc.sample_buffers(0, frequency, self._first.move(self._adc), count)
        if refused:
            log(f"bench: adc refused {refused}")

    def filled(self, buffer: Buffer, count: int, status: int) -> None:
        got = buffer.give_back()
        passed = int((self._alarm.now() - self._begun) & _MASK) * 1000 >> 15
        equal = 0
        for at in range(count):
            if got[2 * int(at)] == got[0] and got[2 * int(at) + 1] == got[1]:
                equal += 1
        value = got[0] | got[1] << 8
        log(f"bench: adc step {self._step}, status {status}, {count} samples, {equal} are {value:04x}, {passed} ms")
        self._step += 1
        if self._step == 8:
            self._sample(512, 32)
        elif self._step == 9:
            self._sample(100, 32)
            self._alarm.set_alarm(32768 // 10)
        elif self._step == 10:
            self._following.begin()

    def _stop(self) -> None:
        self._adc.stop()
