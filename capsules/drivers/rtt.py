"""A UART through the debug probe: SEGGER's Real Time Transfer (RTT), two rings of bytes that a probe reads and writes.

A probe's program finds a block in RAM by its name, `SEGGER RTT`, and looks into it for as long as it is there; the processor
does not stop for that. The block's words are those of a window onto memory that nobody else has, as if they were
registers; the rings are buffers, whose places and sizes the core writes into the block as it does for DMA. Layout of
the block: SEGGER, "RTT" knowledge base, "RTT Control Block"; as pyOCD (pyocd/debug/rtt.py) and J-Link read it.

Nobody says when a probe has looked, so this driver does so, all 10 ms, while there is something to send or somebody
receives. What nobody fetches for a tenth of a second is thrown away until somebody does, as by a UART with no cable: a
board without a probe does not wait for one. The ring keeps the oldest of it, which is what the board said when it booted.
"""

from cells import Buffer
from kernel import Callback, ErrorCode, InterruptLine, Registers, call_client, callback
from micropython import const

from capsules.hil.time import Alarm
from capsules.hil.uart import UartClient

_ID = const(0x00)  # 16 bytes, written last: it is what the probe looks for
_MAX_UP = const(0x10)  # how many rings there are to the probe
_MAX_DOWN = const(0x14)  # and from it
_UP_NAME = const(0x18)  # address of a text, or 0
_UP_WRITTEN = const(0x24)  # offset in the ring at which we write next
_UP_READ = const(0x28)  # and the probe reads next; as long as they are equal, the ring is empty
_UP_FLAGS = const(0x2C)  # 0: what does not fit is skipped
_DOWN_NAME = const(0x30)
_DOWN_WRITTEN = const(0x3C)  # the probe's
_DOWN_READ = const(0x40)  # ours
_DOWN_FLAGS = const(0x44)
# pBuffer and SizeOfBuffer of each are the manifest's DMA channels.

_SEGG = const(0x47474553)
_ER_R = const(0x52205245)
_TT = const(0x00005454)

_UP_SIZE = const(512)  # powers of two
_DOWN_SIZE = const(64)
_LOOKS_PER_SECOND = const(100)
_TELLS = const(8)  # as often as the kernel calls a handler that fails
_PATIENCE = const(10)  # looks at a full ring, after which nobody reads


class RttUart:
    """A HIL Uart. `registers` is the window onto the block's memory, `line` is for what must not happen within a call."""

    def __init__(self, registers: Registers, alarm: Alarm, line: InterruptLine) -> None:
        self._registers = registers
        self._up = Buffer(_UP_SIZE)
        self._down = Buffer(_DOWN_SIZE)
        self._up_written = registers.field(_UP_WRITTEN, 0, 32)
        self._up_read = registers.field(_UP_READ, 0, 16)
        self._down_written = registers.field(_DOWN_WRITTEN, 0, 16)
        self._down_read = registers.field(_DOWN_READ, 0, 32)
        self._transmitted: "Callback | None" = None
        self._received: "Callback | None" = None
        # What is sent: how much of it is in the ring, and where there it begins. The block's words are the probe's to spoil.
        self._tx_buffer: "Buffer | None" = None
        self._tx_at = 0
        self._tx_from = 0
        self._tx_length = 0
        self._tx_over = 0  # how often the client has been told; it is being, or that was cut short
        # And what is received.
        self._rx_buffer: "Buffer | None" = None
        self._rx_at = 0
        self._rx_from = 0
        self._rx_length = 0
        self._rx_least = 0
        self._rx_over = 0
        self._last_read = 0  # where the probe was when we looked last
        self._patience = _PATIENCE
        self._alarm = alarm
        self._period = max(1, (int(alarm.frequency) >> 8) // _LOOKS_PER_SECOND)
        self._trigger = line.trigger
        alarm.set_client(line.trigger)
        line.enable(self._serve)

    def start(self) -> None:
        """Write the block."""
        write = self._registers.write
        write(_ID, 0)
        for offset in (_UP_NAME, _UP_WRITTEN, _UP_READ, _UP_FLAGS, _DOWN_NAME, _DOWN_WRITTEN, _DOWN_READ, _DOWN_FLAGS):
            write(offset, 0)
        self._registers.start_dma("up", self._up, _UP_SIZE)
        self._registers.start_dma("down", self._down, _DOWN_SIZE)
        write(_MAX_UP, 1)
        write(_MAX_DOWN, 1)
        write(_ID + 4, _ER_R)
        write(_ID + 8, _TT)
        write(_ID + 12, 0)
        write(_ID, _SEGG)

    def set_client(self, client: UartClient) -> None:
        self._transmitted = callback(client.transmitted)
        self._received = callback(client.received)

    # -- For the client --

    def transmit(self, buffer: Buffer, length: int) -> int:
        if self._tx_buffer is not None and self._tx_over == 0:
            self._trigger()
            return ErrorCode.BUSY
        self._tx_from = self._write_at()
        self._tx_at = 0
        self._tx_length = length
        self._tx_buffer = buffer
        self._tx_over = 0
        self._trigger()
        return 0

    def receive(self, buffer: Buffer, length: int, least: int = 0) -> None:
        if self._rx_buffer is None or self._rx_over != 0:
            self._rx_from = self._read_at()
            self._rx_at = 0
        self._rx_length = length
        self._rx_least = min(least, length) if least > 0 else length
        self._rx_buffer = buffer
        self._rx_over = 0
        self._trigger()

    def receive_abort(self) -> None:
        buffer = self._rx_buffer
        if buffer is not None and self._received is not None:
            self._rx_over = 1
            self._received(buffer, self._rx_at, ErrorCode.CANCEL)  # who is called here has called
            if self._rx_over:
                self._rx_buffer = None

    # -- For the probe --

    def _write_at(self) -> int:
        """In the ring, where the next byte goes."""
        return (self._tx_from + self._tx_at) & (_UP_SIZE - 1)

    def _read_at(self) -> int:
        return (self._rx_from + self._rx_at) & (_DOWN_SIZE - 1)

    def _serve(self) -> None:
        """Move what there is room for; look again if that is not all. Once more if this was cut short."""
        self._send()
        self._fetch()
        if self._tx_buffer is not None or self._rx_buffer is not None:
            self._alarm.set_alarm(self._period)

    def _send(self) -> None:
        buffer = self._tx_buffer
        if buffer is None:
            return
        told = int(self._tx_over)
        if told == 0:
            self._fill_ring(buffer)
            if self._tx_at < self._tx_length and self._patience > 0:
                self._patience -= 1
                return
        self._tx_over = told + 1
        good = call_client(self._transmitted, buffer, self._tx_length, ErrorCode.ALREADY if told else 0)
        if not good and 0 < self._tx_over < _TELLS:
            self._trigger()
        elif self._tx_over:  # the client has begun nothing else
            self._tx_buffer = None

    def _fill_ring(self, buffer: Buffer) -> None:
        read = self._up_read()
        if read != self._last_read:  # somebody reads
            self._last_read = read
            self._patience = _PATIENCE
        write = self._write_at()
        self._up_written(write)
        while read < _UP_SIZE and self._tx_at < self._tx_length:  # a probe that says nonsense has read nothing
            # One place stays free: full would look like empty.
            end = read - 1 if read > write else _UP_SIZE - (1 if read == 0 else 0)
            count = min(end - write, self._tx_length - self._tx_at)
            if count <= 0:
                break
            self._up.copy(write, buffer, self._tx_at, count)
            self._tx_at += count
            write = self._write_at()
            self._up_written(write)

    def _fetch(self) -> None:
        buffer = self._rx_buffer
        if buffer is None:
            return
        told = int(self._rx_over)
        if told == 0:
            self._empty_ring(buffer)
            if self._rx_at < self._rx_least:
                return
        self._rx_over = told + 1
        good = call_client(self._received, buffer, self._rx_at, ErrorCode.ALREADY if told else 0)
        if not good and 0 < self._rx_over < _TELLS:
            self._trigger()
        elif self._rx_over:
            self._rx_buffer = None

    def _empty_ring(self, buffer: Buffer) -> None:
        written = self._down_written()
        read = self._read_at()
        self._down_read(read)
        while written < _DOWN_SIZE and written != read and self._rx_at < self._rx_length:
            end = written if written > read else _DOWN_SIZE
            count = min(end - read, self._rx_length - self._rx_at)
            buffer.copy(self._rx_at, self._down, read, count)
            self._rx_at += count
            read = self._read_at()
            self._down_read(read)
