"""The tests of a bring-up of what has a HIL: thermometer, random numbers, converter, AES; pins, buttons, LEDs; the console's line."""

from cells import Buffer
from micropython import const

from capsules.bringup.report import Report
from capsules.hil.adc import Adc
from capsules.hil.aes import Aes
from capsules.hil.gpio import Pin
from capsules.hil.led import Led
from capsules.hil.line import Line
from capsules.hil.rng import Rng
from capsules.hil.sensors import TemperatureSensor
from capsules.hil.time import Alarm

# capsules/hil/gpio.py
_PULL_UP = const(1)
_PULL_DOWN = const(2)
_EITHER = const(0)

_RANDOM = const(64)
_SETTLES_MS = const(2)
_EDGES = const(6)
_ANSWER_MS = const(3000)
_PERSON_MS = const(15000)

# AES: FIPS 197, appendix B
_KEY = b"\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c"
_CLEAR = b"\x32\x43\xf6\xa8\x88\x5a\x30\x8d\x31\x31\x98\xa2\xe0\x37\x07\x34"
_CIPHER = b"\x39\x25\x84\x1d\x02\xdc\x09\xfb\xdc\x11\x85\x97\x19\x6a\x0b\x32"


class Thermometer:
    """Measures once."""

    def __init__(self, report: Report, sensor: TemperatureSensor) -> None:
        self.name = "temperature"
        self.limit = 500
        self._report = report
        self._sensor = sensor
        sensor.set_client(self._measured)

    def begin(self) -> None:
        self._sensor.measure()

    def _measured(self, value: int, status: int) -> None:
        self._report.measured(self.name, value, -1000, 6000, "hundredths of a degree")
        self._report.done(self.name)


class Randomness:
    """Asks for some bytes: a source that is stuck gives the same again and again."""

    def __init__(self, report: Report, source: Rng) -> None:
        self.name = "random"
        self.limit = 500
        self._report = report
        self._source = source
        self._buffer = Buffer(_RANDOM)
        source.set_client(self)

    def begin(self) -> None:
        self._source.fill(self._buffer, _RANDOM)

    def filled(self, buffer: Buffer, length: int, status: int) -> None:
        different = 0
        for index in range(_RANDOM):
            seen = False
            for before in range(index):
                if self._buffer[before] == self._buffer[index]:
                    seen = True
            if not seen:
                different += 1
        self._report.measured(self.name, different, 40, _RANDOM, "different bytes of 64")
        self._report.done(self.name)


class Supply:
    """Measures the chip's own supply with its converter."""

    def __init__(self, report: Report, adc: Adc) -> None:
        self.name = "supply"
        self.limit = 500
        self._report = report
        self._adc = adc
        adc.set_client(self)

    def begin(self) -> None:
        self._adc.sample(0)

    def sampled(self, sample: int, status: int) -> None:
        self._report.measured(self.name, int(sample) * 3600 >> 16, 1700, 3600, "mV")
        self._report.done(self.name)

    def filled(self, buffer: Buffer, count: int, status: int) -> None:
        """Not asked for."""


class Encryption:
    """Encrypts the block that the standard has as its example."""

    def __init__(self, report: Report, aes: Aes) -> None:
        self.name = "aes"
        self.limit = 500
        self._report = report
        self._aes = aes
        self._key = Buffer(16)
        self._block = Buffer(16)
        aes.set_client(self)

    def begin(self) -> None:
        for index in range(16):
            self._key[index] = _KEY[index]
            self._block[index] = _CLEAR[index]
        self._aes.set_mode(0, True)
        self._aes.set_key(self._key)
        self._aes.crypt(None, self._block, 0, 16)

    def crypted(self, source: "Buffer | None", dest: Buffer, status: int) -> None:
        wrong = 0
        for index in range(16):
            if self._block[index] != _CIPHER[index]:
                wrong += 1
        self._report.measured(self.name, wrong, 0, 0, "wrong bytes of FIPS 197's example")
        self._report.done(self.name)


class PinLevels:
    """Pulls each pin up and down, then drives it: a pin to which nothing is connected follows."""

    def __init__(self, report: Report, alarm: Alarm, pins: "tuple[tuple[str, Pin], ...]") -> None:
        self.name = "pins"
        self.limit = 1000
        self._report = report
        self._alarm = alarm
        self._settles = (int(alarm.frequency) >> 8) * _SETTLES_MS // 1000 + 1
        self._pins = pins
        self._index = 0
        self._step = 0
        self._seen = 0
        alarm.set_client(self._look)

    def begin(self) -> None:
        self._index = 0
        self._step = 0
        self._seen = 0
        self._set()

    def _set(self) -> None:
        if self._index == len(self._pins):
            if not len(self._pins):
                self._report.skipped(self.name, "this board names no pins for programs")
            self._report.done(self.name)
            return
        pin = self._pins[self._index][1]
        if self._step == 0:
            pin.make_input(_PULL_UP)
        elif self._step == 1:
            pin.make_input(_PULL_DOWN)
        elif self._step == 2:
            pin.set()
            pin.make_output()
        else:
            pin.clear()
        self._alarm.set_alarm(self._settles)

    def _look(self) -> None:
        name, pin = self._pins[self._index]
        self._seen = int(self._seen) << 1 | pin.read()
        self._step += 1
        if self._step == 4:
            pin.disable()
            found = int(self._seen)
            self._report.checked("pin-" + name, found == 0b1010, self._levels(found))
            self._index += 1
            self._step = 0
            self._seen = 0
        self._set()

    def _levels(self, found: int) -> str:
        text = "pulled up, pulled down, driven high, driven low:"
        for bit in range(4):
            text += " 1" if found >> (3 - bit) & 1 else " 0"
        return text


class PinEdges:
    """Has a pin's pull make edges, each of which interrupts once."""

    def __init__(self, report: Report, alarm: Alarm, pins: "tuple[tuple[str, Pin], ...]") -> None:
        self.name = "edges"
        self.limit = 1000
        self._report = report
        self._alarm = alarm
        self._settles = (int(alarm.frequency) >> 8) * _SETTLES_MS // 1000 + 1
        self._pins = pins
        self._made = 0
        self._seen = 0
        alarm.set_client(self._next)

    def begin(self) -> None:
        if not len(self._pins):
            self._report.skipped(self.name, "this board names no pins for programs")
            self._report.done(self.name)
            return
        pin = self._pins[0][1]
        self._made = 0
        self._seen = 0
        pin.make_input(_PULL_DOWN)
        pin.set_client(self._edge)
        pin.enable_interrupts(_EITHER)
        self._alarm.set_alarm(self._settles)

    def _edge(self) -> None:
        self._seen += 1

    def _next(self) -> None:
        pin = self._pins[0][1]
        if self._made < _EDGES:
            self._made += 1
            pin.make_input(_PULL_UP if self._made & 1 else _PULL_DOWN)
            self._alarm.set_alarm(self._settles)
            return
        pin.disable()
        self._report.measured(self.name, self._seen, _EDGES, _EDGES, "interrupts of pin " + self._pins[0][0])
        self._report.done(self.name)


class Answer:
    """Asks `adder bringup` to say something on the line."""

    def __init__(self, report: Report, line: Line, alarm: Alarm) -> None:
        self.name = "receive"
        self.limit = _ANSWER_MS + 1000
        self._report = report
        self._line = line
        self._alarm = alarm
        self._wait = (int(alarm.frequency) >> 8) * _ANSWER_MS // 1000
        self._buffer = Buffer(16)
        self._over = True
        alarm.set_client(self._late)

    def begin(self) -> None:
        self._over = False
        self._line.set_client(self)
        self._line.receive(self._buffer, 8)
        self._report.say("? answer: type 12345678")
        self._alarm.set_alarm(self._wait)

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        if self._over:
            return
        self._over = True
        self._alarm.disarm()
        wrong = 0
        for index in range(8):
            if index >= length or self._buffer[index] != 0x31 + index:
                wrong += 1
        self._report.measured(self.name, wrong, 0, 0, "wrong bytes of 8")
        self._report.done(self.name)

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """Nothing is sent by this one."""

    def turn(self, mine: int) -> None:
        """The line is nobody else's."""

    def _late(self) -> None:
        if not self._over:
            self._over = True
            self._line.receive_abort()
            self._report.skipped(self.name, "nobody has answered on the line")
            self._report.done(self.name)


class Press:
    """Asks a person to press each button; it must be released before."""

    def __init__(self, report: Report, alarm: Alarm, buttons: "tuple[Pin, ...]") -> None:
        self.name = "buttons"
        self.limit = 4 * _PERSON_MS + 1000
        self._report = report
        self._alarm = alarm
        self._look_each = (int(alarm.frequency) >> 8) // 50
        self._buttons = buttons
        self._index = 0
        self._looks = 0
        alarm.set_client(self._look)

    def begin(self) -> None:
        self._index = -1
        for button in self._buttons:
            button.make_input(_PULL_UP)
        self._looks = 0
        self._alarm.set_alarm(self._look_each)

    def _look(self) -> None:
        if self._index < 0:
            self._index = 0
            for number in range(len(self._buttons)):
                if not self._buttons[number].read():
                    self._report.checked(f"button-{number}", False, "pressed all the time")
                    self._report.done(self.name)
                    return
        elif self._index < len(self._buttons):
            if not self._buttons[self._index].read():
                self._report.checked(f"button-{self._index}", True, "pressed")
                self._index += 1
                self._looks = 0
            elif self._looks > _PERSON_MS // 20:
                self._report.skipped(f"button-{self._index}", "nobody has pressed it")
                self._report.done(self.name)
                return
        if self._index == len(self._buttons):
            if not len(self._buttons):
                self._report.skipped(self.name, "this board has none")
            self._report.done(self.name)
            return
        if self._looks == 0:
            self._report.say(f"? press button {self._index}")
        self._looks += 1
        self._alarm.set_alarm(self._look_each)


class Lights:
    """Has each LED blink, and asks a person whether it does."""

    def __init__(self, report: Report, line: Line, alarm: Alarm, leds: "tuple[Led, ...]") -> None:
        self.name = "leds"
        self.limit = 4 * _PERSON_MS + 1000
        self._report = report
        self._line = line
        self._alarm = alarm
        self._change_each = (int(alarm.frequency) >> 8) // 8
        self._buffer = Buffer(1)
        self._leds = leds
        self._index = 0
        self._changes = 0
        self._asks = False
        alarm.set_client(self._change)

    def begin(self) -> None:
        self._line.set_client(self)
        self._index = 0
        self._ask()

    def _ask(self) -> None:
        if self._index == len(self._leds):
            if not len(self._leds):
                self._report.skipped(self.name, "this board has none")
            self._report.done(self.name)
            return
        self._asks = True
        self._changes = 0
        self._line.receive(self._buffer, 1)
        self._report.say(f"? does LED {self._index} blink: type y or n")
        self._change()

    def _change(self) -> None:
        if not self._asks:
            return
        self._leds[self._index].toggle()
        self._changes += 1
        if self._changes > _PERSON_MS // 125:
            self._asks = False
            self._line.receive_abort()
            self._leds[self._index].off()
            self._report.skipped(f"led-{self._index}", "nobody has answered")
            self._report.done(self.name)
            return
        self._alarm.set_alarm(self._change_each)

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        if not self._asks or length < 1:
            return
        answer = self._buffer[0]
        if answer == 0x79:
            self._report.checked(f"led-{self._index}", True, "blinks")
        elif answer == 0x6E:
            self._report.checked(f"led-{self._index}", False, "does not blink")
        elif answer == 0x73:
            self._report.skipped(f"led-{self._index}", "nobody was asked")
        else:
            self._line.receive(self._buffer, 1)
            return
        self._asks = False
        self._alarm.disarm()
        self._leds[self._index].off()
        self._index += 1
        self._ask()

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """Nothing is sent by this one."""

    def turn(self, mine: int) -> None:
        """The line is nobody else's."""
