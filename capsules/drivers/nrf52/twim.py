"""I2C master with EasyDMA: nRF52840 Product Specification v1.7, "TWIM", registers in its section "Registers".

It is switched on for each transfer alone, which also resets what a disturbed bus left in it. A transfer is over at
EVENTS_STOPPED, for both directions: LASTRX and LASTTX come while the last byte is still on its way.

A bus that hangs, since a device stretches the clock for ever or has lost count of it, never stops. So an alarm ends
each transfer that takes 50 ms longer than its bytes at 100 kHz. Before each transfer the lines are looked at: if one
is low, up to nine clocks and a stop let a device finish what it was sending.

Anomaly 219: at 400 kHz the clock's low phase is too short; so the fastest is 390 kHz.
"""

from cells import Buffer
from kernel import ErrorCode, InterruptLine, Registers
from micropython import const

from capsules.drivers.nrf52.gpio import Pins
from capsules.hil.i2c import I2cClient
from capsules.hil.time import Alarm

# TWIM, "Registers"
_STARTRX = const(0x000)
_STARTTX = const(0x008)
_STOP = const(0x014)
_RESUME = const(0x020)
_STOPPED = const(0x104)
_ERROR = const(0x124)
_LASTTX = const(0x160)
_SHORTS = const(0x200)
_INTENSET = const(0x304)
_INTENCLR = const(0x308)
_ERRORSRC = const(0x4C4)
_ENABLE = const(0x500)
_PSEL_SCL = const(0x508)
_PSEL_SDA = const(0x50C)
_FREQUENCY = const(0x524)
_RXD_AMOUNT = const(0x53C)
_TXD_AMOUNT = const(0x54C)
_ADDRESS = const(0x588)

_INT_STOPPED = const(1 << 1)
_INT_ERROR = const(1 << 9)
_LASTTX_STARTRX = const(1 << 7)  # SHORTS
_LASTTX_STOP = const(1 << 9)
_LASTRX_STOP = const(1 << 12)
_OVERRUN = const(1)  # ERRORSRC
_NACKS = const(6)  # of the address, of a byte
_ALL_ERRORS = const(7)  # ones clear
_ENABLED = const(6)
_MOST = const(0xFFFF)  # xXD.MAXCNT: 16 bits
_LAST_ADDRESS = const(0x7F)
_LAST_BYTE = const(0xFF)

_HZ_250K = const(250_000)
_HZ_400K = const(400_000)
_FREQUENCY_100K = const(0x01980000)  # FREQUENCY
_FREQUENCY_250K = const(0x04000000)
_FREQUENCY_390K = const(0x06200000)  # anomaly 219

_PATIENCE_MS = const(50)
_BYTES_A_MS = const(8)  # less than 11, of nine bits each at 100 kHz
_CLOCKS = const(9)


class Twim:
    """A HIL I2c. An interrupt that was cut short comes once more, and the client is told of what is over until it has been.

    Pins are numbers, 32 for P1.00. `rate`: 100, 250 or 400 kHz in Hz; what lies between is the lower."""

    def __init__(
        self, registers: Registers, line: InterruptLine, alarm: Alarm, pins: Pins, scl: int, sda: int, rate: int
    ) -> None:
        self._registers = registers
        self._alarm = alarm
        self._scl = pins.pin(scl)
        self._sda = pins.pin(sda)
        self._start_rx = registers.field(_STARTRX, 0, 32)
        self._start_tx = registers.field(_STARTTX, 0, 32)
        self._stop = registers.field(_STOP, 0, 32)
        self._resume = registers.field(_RESUME, 0, 32)
        self._stopped = registers.field(_STOPPED, 0, 1)  # to read; end_dma() clears it
        self._error = registers.field(_ERROR, 0, 1)
        self._last_tx = registers.field(_LASTTX, 0, 1)
        self._shorts = registers.field(_SHORTS, 0, 32)
        self._errors = registers.field(_ERRORSRC, 0, 32)
        self._enable = registers.field(_ENABLE, 0, 32)
        self._interrupts = registers.field(_INTENSET, 0, 32)
        self._no_interrupts = registers.field(_INTENCLR, 0, 32)
        self._address = registers.field(_ADDRESS, 0, 32)
        self._read_amount = registers.field(_RXD_AMOUNT, 0, 16)
        self._write_amount = registers.field(_TXD_AMOUNT, 0, 16)
        self._client: "I2cClient | None" = None
        self._sent: "Buffer | None" = None  # our handles of the client's buffers
        self._received: "Buffer | None" = None
        self._sent_lent: "Buffer | None" = None  # and the client's
        self._received_lent: "Buffer | None" = None
        self._status = 0
        self._over = False  # the client is being told, or that was cut short
        self._number = Buffer(1)  # of a register that is read
        self._hertz = alarm.frequency // 256
        self._busy = False
        self._write_length = 0
        self._read_length = 0
        alarm.set_client(self._late)
        self._enable(0)
        self._listen()
        registers.write(_PSEL_SCL, scl)
        registers.write(_PSEL_SDA, sda)
        registers.write(
            _FREQUENCY,
            _FREQUENCY_390K if rate >= _HZ_400K else _FREQUENCY_250K if rate >= _HZ_250K else _FREQUENCY_100K,
        )
        self._error(0)
        self._no_interrupts(_INT_STOPPED | _INT_ERROR)
        line.enable(self._interrupt)

    def set_client(self, client: I2cClient) -> None:
        self._client = client

    # -- For the client --

    def write(self, address: int, buffer: Buffer, length: int) -> int:
        status = self._check(address, length, len(buffer))
        if status == 0:
            self._registers.start_dma("tx", self._take_out(buffer), length)
            self._begin(address, length, 0, _LASTTX_STOP)
        return status

    def read(self, address: int, buffer: Buffer, length: int) -> int:
        status = self._check(address, length, len(buffer))
        if status == 0:
            self._registers.start_dma("rx", self._take_in(buffer), length)
            self._begin(address, 0, length, _LASTRX_STOP)
        return status

    def write_read(self, address: int, write: Buffer, write_length: int, read: Buffer, read_length: int) -> int:
        status = self._check(address, write_length, len(write)) if write is not read else ErrorCode.INVAL
        if status == 0:
            status = self._check(address, read_length, len(read))
        if status == 0:
            self._registers.start_dma("tx", self._take_out(write), write_length)
            self._registers.start_dma("rx", self._take_in(read), read_length)
            self._begin(address, write_length, read_length, _LASTTX_STARTRX | _LASTRX_STOP)
        return status

    def read_register(self, address: int, register: int, read: Buffer, length: int) -> int:
        status = self._check(address, length, len(read)) if 0 <= register <= _LAST_BYTE else ErrorCode.INVAL
        if status == 0:
            self._number[0] = register
            self._registers.start_dma("tx", self._number, 1)
            self._registers.start_dma("rx", self._take_in(read), length)
            self._begin(address, 1, length, _LASTTX_STARTRX | _LASTRX_STOP)
        return status

    def _take_out(self, buffer: Buffer) -> Buffer:
        """Ours until the transfer is over."""
        self._sent_lent = buffer
        self._sent = moved = buffer.move(self)
        return moved

    def _take_in(self, buffer: Buffer) -> Buffer:
        self._received_lent = buffer
        self._received = moved = buffer.move(self)
        return moved

    def _check(self, address: int, length: int, size: int) -> int:
        if self._busy:
            return ErrorCode.BUSY
        if not 0 <= address <= _LAST_ADDRESS:
            return ErrorCode.INVAL
        if not 1 <= length <= min(size, _MOST):
            return ErrorCode.SIZE
        if not self._is_free() and not self._recover():
            return ErrorCode.FAIL
        self._over = False
        self._sent = self._received = self._sent_lent = self._received_lent = None
        return 0

    def _begin(self, address: int, write_length: int, read_length: int, shorts: int) -> None:
        self._busy = True
        self._write_length = write_length
        self._read_length = read_length
        self._error(0)
        self._last_tx(0)
        self._errors(_ALL_ERRORS)
        self._shorts(shorts)
        self._address(address)
        self._enable(_ENABLED)
        self._interrupts(_INT_STOPPED | _INT_ERROR)
        milliseconds = _PATIENCE_MS + (write_length + read_length) // _BYTES_A_MS
        self._alarm.set_alarm(int(self._hertz) * int(milliseconds) // 1000)
        if write_length:
            self._start_tx(1)
        else:
            self._start_rx(1)

    # -- For the hardware --

    def _interrupt(self) -> None:
        if self._over:
            self._tell()
            return
        if self._error():
            self._error(0)
            # A write whose last byte is on its way is being stopped already.
            if not self._stopped() and not (self._last_tx() and self._read_length == 0):
                self._resume(1)
                self._stop(1)
        if self._busy and self._stopped():
            errors = self._errors()
            status = 0
            if errors & _NACKS:
                status = ErrorCode.NOACK
            elif errors & _OVERRUN:
                status = ErrorCode.SIZE
            elif self._is_short():
                status = ErrorCode.FAIL
            self._finish(status)

    def _is_short(self) -> bool:
        """Whether somebody else's stop has cut it off."""
        if self._write_length and self._write_amount() != self._write_length:
            return True
        return self._read_length != 0 and self._read_amount() != self._read_length

    def _late(self) -> None:
        """From the alarm."""
        if not self._busy:
            return
        if self._stopped():  # just now
            self._interrupt()
            return
        self._stop(1)
        self._finish(ErrorCode.FAIL)

    def _finish(self, status: int) -> None:
        """The transfer is over; whatever cuts this short, the client is told."""
        self._status = status
        self._over = True
        self._tell()

    def _tell(self) -> None:
        """Off: with that, both transfers are over."""
        self._alarm.disarm()
        self._no_interrupts(_INT_STOPPED | _INT_ERROR)
        self._enable(0)
        self._registers.end_dma("tx")
        self._registers.end_dma("rx")
        self._give_back(self._sent)
        self._give_back(self._received)
        self._busy = False
        client = self._client
        if client is not None:
            client.transferred(self._sent_lent, self._received_lent, self._status)
        self._over = False

    def _give_back(self, ours: "Buffer | None") -> None:
        """Unless that was done before this was cut short."""
        try:
            if ours is not None and len(ours):
                ours.give_back()
        except RuntimeError:
            return

    # -- The bus while the hardware is off --

    def _listen(self) -> None:
        """TWIM, "Master mode pin configuration": inputs, drive strength S0D1."""
        self._scl.make_open_drain(False)
        self._sda.make_open_drain(False)

    def _is_free(self) -> bool:
        return self._scl.read() == 1 and self._sda.read() == 1

    def _recover(self) -> bool:
        """Clock out what a device still wants to send, and stop. Returns whether the bus is free then."""
        scl = self._scl
        sda = self._sda
        scl.set()
        sda.set()
        scl.make_open_drain(True)
        sda.make_open_drain(True)
        for _ in range(_CLOCKS):
            if sda.read():
                break
            scl.clear()
            scl.set()
        scl.clear()
        sda.clear()
        scl.set()
        sda.set()
        self._listen()
        return self._is_free()
