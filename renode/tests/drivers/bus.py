"""A Si7021 at 0x40, nobody at 0x41, and at 0x13 a device that stretches the clock; a flash memory on SPI."""

from cells import Buffer
from kernel import log
from micropython import const

from capsules.bench.cipher import AesBench
from capsules.hil.i2c import I2c
from capsules.hil.spi import Spi
from capsules.hil.time import Alarm

_SENSOR = const(0x40)
_NOBODY = const(0x41)
_STRETCHER = const(0x13)
_MEASURE = const(0xE3)
_MASK = const(0xFFFFFF)


class SpiBench:
    """Reads the memory's identity, writes to it, reads it back."""

    def __init__(self, spi: Spi, following: AesBench) -> None:
        self._spi = spi
        self._following = following
        self._write = Buffer(8)
        self._read = Buffer(8)
        self._step = 0
        spi.set_client(self)

    def begin(self) -> None:
        self._spi.set_rate(8_000_000)
        self._send(0x9F, 4, True)

    def _send(self, first: int, length: int, reads: bool) -> None:
        """A command; what follows it is the memory's address 0x000010 and four bytes."""
        for at in range(8):
            self._write[at] = 0xA0 + at
        self._write[0] = first
        self._write[1] = 0
        self._write[2] = 0
        self._write[3] = 0x10
        status = self._spi.transfer(
            self._write.move(self._spi), self._read.move(self._spi) if reads else None, length
        )
        if status:
            log(f"bench: spi refused {status}")

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        if write is not None:
            write.give_back()
        text = ""
        if read is not None:
            got = read.give_back()
            for at in range(8):
                text += f"{got[at]:02x}"
        log(f"bench: spi step {self._step}, status {status}, read {text}")
        self._step += 1
        if self._step == 1:
            self._send(0x06, 1, False)
        elif self._step == 2:
            self._send(0x02, 8, False)
        elif self._step == 3:
            self._send(0x03, 8, True)
        else:
            self._following.begin()


class I2cBench:
    """Measures, meets nobody, hangs, and measures again."""

    def __init__(self, i2c: I2c, alarm: Alarm, following: SpiBench) -> None:
        self._i2c = i2c
        self._alarm = alarm
        self._following = following
        self._write = Buffer(4)
        self._read = Buffer(4)
        self._step = 0
        self._begun = 0
        i2c.set_client(self)
        alarm.set_client(self._again)

    def begin(self) -> None:
        self._measure()

    def _measure(self) -> int:
        self._write[0] = _MEASURE
        self._begun = self._alarm.now()
        return self._i2c.write_read(_SENSOR, self._write.move(self._i2c), 1, self._read.move(self._i2c), 2)

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        if write is not None:
            write.give_back()
        value = 0
        if read is not None:
            got = read.give_back()
            value = got[0] << 8 | got[1]
        passed = int((self._alarm.now() - self._begun) & _MASK)
        milliseconds = passed * 1000 >> 15
        log(f"bench: i2c step {self._step}, status {status}, value {value}, {milliseconds} ms")
        self._step += 1
        self._begun = self._alarm.now()
        if self._step == 1:
            self._i2c.write(_NOBODY, self._write.move(self._i2c), 4)
        elif self._step == 2:
            self._i2c.read(_NOBODY, self._read.move(self._i2c), 4)
        elif self._step == 3:
            self._i2c.write(_STRETCHER, self._write.move(self._i2c), 4)
        elif self._step == 4:
            lent = self._read.move(self._i2c)
            refused = self._i2c.read(_SENSOR, lent, 1)
            log(f"bench: i2c while the clock is low {refused}")
            if refused:  # where nobody stretches the clock, it is not
                lent.give_back()
                self._alarm.set_alarm(8192)
        else:
            self._following.begin()

    def _again(self) -> None:
        refused = self._measure()
        if refused:
            log(f"bench: i2c refused {refused}")
