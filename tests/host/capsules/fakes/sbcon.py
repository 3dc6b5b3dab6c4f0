"""SBCon's two lines, and devices on them that look at nothing but edges, as real ones do (NXP UM10204, 3.1)."""

from collections.abc import Callable

from kernel import Registers

SCL, SDA = 1, 2


class Device:
    """A device on the bus. It sends `answer`, again and again; refuses what comes after `takes` bytes."""

    def __init__(self, address: int, answer: bytes = b"\xff", takes: int = 1 << 16) -> None:
        self.address, self.answer, self.takes = address, answer, takes
        self.written: list[bytes] = []
        """What came between a start and what ended it."""
        self.acknowledged = 0
        """Bytes of its own that the master wanted more after."""
        self.pulls = False
        self._stop()

    def _stop(self) -> None:
        self.pulls = self._mine = self._sends = self._acknowledges = False
        self._bits, self._byte, self._at = -1, 0, 0

    def started(self) -> None:
        self._stop()
        self._bits = 0

    def stopped(self) -> None:
        self._stop()

    def rose(self, data: int) -> None:
        """The clock has risen: a bit is valid."""
        if self._bits < 0:
            return
        if self._bits < 8:
            self._byte = (self._byte << 1 | data) & 0xFF
        elif self._sends and not self._acknowledges:
            self.acknowledged += not data
            self._sends = not data
        self._bits += 1

    def fell(self) -> None:
        """The clock has fallen: who sends changes the line."""
        if self._bits < 0:
            return
        if self._bits == 9:
            self._bits, self._byte, self._acknowledges = 0, 0, False
        if self._bits == 8:
            self._whole_byte()
        else:
            self.pulls = bool(self._mine and self._sends and not self._next_bit())

    def _next_bit(self) -> int:
        if self._bits == 0:
            self._sent = self.answer[self._at % len(self.answer)]
            self._at += 1
        return self._sent >> 7 - self._bits & 1

    def _whole_byte(self) -> None:
        if not self._mine:
            self._mine = self._byte >> 1 == self.address
            self._at = 0
            if not self._mine:
                self._stop()
                return
            self.pulls = self._acknowledges = True
            self._sends = bool(self._byte & 1)
            if not self._sends:
                self.written.append(b"")
        elif self._sends:
            self.pulls = False
        else:
            self.pulls = self._at < self.takes
            if self.pulls:
                self.written[-1] += bytes([self._byte])
            self._at += 1


class Bus:
    """The controller's registers, and the lines. `stretched()`: does a device hold the clock; `held()`: or the data."""

    def __init__(self, *devices: Device) -> None:
        self.devices = list(devices)
        self.stretched: Callable[[], bool] = lambda: False
        self.held: Callable[[], bool] = lambda: False
        self.registers = Registers(0x1000)
        self.out = SCL | SDA
        self.clocks = 0
        self.events: list[str] = []
        self.registers.on_read[0] = self.level
        self.registers.on_write[0] = lambda value: self._drive(self.out | value)
        self.registers.on_write[4] = lambda value: self._drive(self.out & ~value)

    def level(self) -> int:
        clock = SCL if self.out & SCL and not self.stretched() else 0
        data = self.out & SDA and not self.held() and not any(device.pulls for device in self.devices)
        return clock | (SDA if data else 0)

    def _drive(self, out: int) -> None:
        assert (out ^ self.out) in (0, SCL, SDA), "both lines at once"
        before, self.out = self.out, out
        if before & SCL and out & SCL and before != out:
            event = "start" if before & SDA else "stop"
            self.events.append(event)
            for device in self.devices:
                device.started() if event == "start" else device.stopped()
        elif before & SCL and not out & SCL:
            for device in self.devices:
                device.fell()
        elif out & SCL and not before & SCL:
            self.clocks += 1
            data = int(bool(self.level() & SDA))
            for device in self.devices:
                device.rose(data)

    @property
    def is_at_rest(self) -> bool:
        return self.level() == SCL | SDA
