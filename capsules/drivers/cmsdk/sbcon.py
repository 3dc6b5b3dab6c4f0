"""I2C master on two lines that software moves: SBCon, the serial bus controller of Arm's MPS2 boards (Application Note 386,
3.1 and table 3-1; its registers are the Versatile board's, DUI 0225, 4.17 "Serial bus interface").

A byte is moved at once, from the kernel's loop, where others have their turn before the next one. That is slower than the
100 kHz of any device.

A device may stretch the clock by some milliseconds. A bus that hangs for longer, and a step that was cut short, after which
nobody knows where the bus is, end the transfer with FAIL. Before each transfer the lines are looked at: if a device holds the
data low, up to nine clocks and a stop let it finish what it was sending.
"""

from cells import Buffer
from kernel import ErrorCode, InterruptLine, Registers
from micropython import const

from capsules.hil.i2c import I2cClient
from capsules.parts.steps import GO_ON, Steps

_CONTROL = const(0x0)  # read: the levels of the lines; written: ones let go of a line
_CLEAR = const(0x4)  # ones pull a line low
_SCL_BIT = const(0)
_SDA_BIT = const(1)
_SCL = const(1 << 0)
_SDA = const(1 << 1)

_BITS = const(8)
_READ_BIT = const(1)
_LAST_ADDRESS = const(0x7F)
_LAST_BYTE = const(0xFF)
_CLOCKS = const(9)
_PATIENCE = const(2000)  # looks at a clock that is stretched

# What is to be done next.
_BEGIN_WRITE = const(1)
_WRITE = const(2)
_BEGIN_READ = const(3)
_READ = const(4)

_NO_REGISTER = const(-1)


class SbconI2c:
    """A HIL I2c."""

    def __init__(self, registers: Registers, line: InterruptLine) -> None:
        self._release = registers.field(_CONTROL, 0, 32)
        self._pull = registers.field(_CLEAR, 0, 32)
        self._scl = registers.field(_CONTROL, _SCL_BIT, 1)
        self._sda = registers.field(_CONTROL, _SDA_BIT, 1)
        self._client: "I2cClient | None" = None
        self._doing = _BEGIN_WRITE
        self._address = 0
        self._register = _NO_REGISTER
        self._write: "Buffer | None" = None
        self._write_length = 0
        self._read: "Buffer | None" = None
        self._read_length = 0
        self._at = 0
        self._release(_SCL)
        self._release(_SDA)
        self._steps = Steps(line, self._step, self._tell)

    def set_client(self, client: I2cClient) -> None:
        self._client = client

    # -- For the client --

    def write(self, address: int, buffer: Buffer, length: int) -> int:
        if not 1 <= length <= len(buffer):
            return ErrorCode.SIZE
        return self._begin(_BEGIN_WRITE, address, _NO_REGISTER, buffer, length, None, 0)

    def read(self, address: int, buffer: Buffer, length: int) -> int:
        if not 1 <= length <= len(buffer):
            return ErrorCode.SIZE
        return self._begin(_BEGIN_READ, address, _NO_REGISTER, None, 0, buffer, length)

    def write_read(self, address: int, write: Buffer, write_length: int, read: Buffer, read_length: int) -> int:
        if write is read:
            return ErrorCode.INVAL
        if not 1 <= write_length <= len(write) or not 1 <= read_length <= len(read):
            return ErrorCode.SIZE
        return self._begin(_BEGIN_WRITE, address, _NO_REGISTER, write, write_length, read, read_length)

    def read_register(self, address: int, register: int, read: Buffer, length: int) -> int:
        if not 0 <= register <= _LAST_BYTE:
            return ErrorCode.INVAL
        if not 1 <= length <= len(read):
            return ErrorCode.SIZE
        return self._begin(_BEGIN_WRITE, address, register, None, 1, read, length)

    def _begin(
        self,
        doing: int,
        address: int,
        register: int,
        write: "Buffer | None",
        write_length: int,
        read: "Buffer | None",
        read_length: int,
    ) -> int:
        if not 0 <= address <= _LAST_ADDRESS:
            return ErrorCode.INVAL
        if self._steps.are_under_way():
            return ErrorCode.BUSY
        self._steps.prepare()
        self._address = address << 1
        self._register = register
        self._write = write
        self._write_length = write_length
        self._read = read
        self._read_length = read_length
        self._at = 0
        self._doing = doing
        self._steps.begin()
        return 0

    # -- From the kernel's loop --

    def _step(self, was_cut: bool) -> int:
        """Move one byte."""
        status = ErrorCode.FAIL if was_cut else self._move()
        if status != GO_ON:
            self._end_condition()
        return status

    def _tell(self, status: int) -> None:
        client = self._client
        if client is not None:
            client.transferred(self._write, self._read, status)

    def _move(self) -> int:
        """What is next on the bus. 0 or an error once all is over."""
        doing = self._doing
        if doing == _READ:
            return self._receive()
        if doing == _WRITE:
            return self._send_next()
        if doing == _BEGIN_READ and self._write_length:
            if not self._begin_again():
                return ErrorCode.FAIL
        elif not self._begin_condition():
            return ErrorCode.FAIL
        status = self._send(self._address | (_READ_BIT if doing == _BEGIN_READ else 0))
        if status:
            return status
        self._at = 0
        self._doing = _READ if doing == _BEGIN_READ else _WRITE
        return GO_ON

    def _send_next(self) -> int:
        buffer = self._write
        status = self._send(self._register if buffer is None else buffer[self._at])
        if status:
            return status
        self._at += 1
        if self._at < self._write_length:
            return GO_ON
        if not self._read_length:
            return 0
        self._doing = _BEGIN_READ
        return GO_ON

    # -- The lines: the clock is low before and after --

    def _send(self, byte: int) -> int:
        """0, NOACK, or FAIL if the clock stays low."""
        release = self._release
        pull = self._pull
        for bit in range(_BITS):
            if byte << bit & 0x80:
                release(_SDA)
            else:
                pull(_SDA)
            if not self._rise():
                return ErrorCode.FAIL
            pull(_SCL)
        release(_SDA)
        if not self._rise():
            return ErrorCode.FAIL
        refused = self._sda()
        pull(_SCL)
        return ErrorCode.NOACK if refused else 0

    def _receive(self) -> int:
        """Receive a byte, and say whether it is the last."""
        buffer = self._read
        if buffer is None:
            return ErrorCode.FAIL
        sda = self._sda
        pull = self._pull
        self._release(_SDA)
        byte = 0
        for _ in range(_BITS):
            if not self._rise():
                return ErrorCode.FAIL
            byte = byte << 1 | sda()
            pull(_SCL)
        buffer[self._at] = byte
        self._at += 1
        last = self._at == self._read_length
        if not last:
            pull(_SDA)
        if not self._rise():
            return ErrorCode.FAIL
        pull(_SCL)
        return 0 if last else GO_ON

    def _rise(self) -> bool:
        """Let go of the clock, and wait until nobody holds it."""
        self._release(_SCL)
        scl = self._scl
        for _ in range(_PATIENCE):
            if scl():
                return True
        return False

    def _begin_condition(self) -> bool:
        self._release(_SDA)
        if not self._rise() or (not self._sda() and not self._recover()):
            return False
        self._pull(_SDA)
        self._pull(_SCL)
        return True

    def _begin_again(self) -> bool:
        """Without leaving the bus."""
        self._release(_SDA)
        if not self._rise():
            return False
        self._pull(_SDA)
        self._pull(_SCL)
        return True

    def _end_condition(self) -> None:
        """Leave the bus, wherever it is."""
        self._pull(_SCL)
        self._pull(_SDA)
        self._rise()
        self._release(_SDA)

    def _recover(self) -> bool:
        """Clock out what a device still wants to send, and stop. Returns whether the bus is free then."""
        for _ in range(_CLOCKS):
            if self._sda():
                break
            self._pull(_SCL)
            if not self._rise():
                return False
        self._end_condition()
        return self._scl() == 1 and self._sda() == 1
