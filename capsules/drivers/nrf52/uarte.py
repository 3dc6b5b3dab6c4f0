"""UART with EasyDMA: nRF52840 Product Specification v1.7, 6.34 "UARTE", registers in 6.34.9.

Receiving. The hardware writes to one of two buffers of this driver while the other waits to be next, so a byte
is lost only if nobody has looked for the time of a whole buffer: 22 ms at 115200 baud. With flow control there is no
next: the hardware holds the sender off until it has a buffer.

How much is in a buffer, the hardware says only when it has stopped (RXD.AMOUNT). So when somebody waits, something
has come in, and then nothing for a millisecond, the driver stops it and starts it again. The hardware goes on
receiving for four bytes' time after the stop, into its FIFO, and the next buffer gets those (6.34.4); then it is
restarted at once. Without flow control, a byte whose first bit comes in that very moment is lost.
"""

from typing import Callable

from cells import Buffer, TakeCell
from kernel import ErrorCode, InterruptLine, Registers, call_client
from micropython import const

from capsules.hil.time import Alarm
from capsules.hil.uart import UartClient

# 6.34.9, "Registers"
_STARTRX = const(0x000)
_STOPRX = const(0x004)
_STARTTX = const(0x008)
_RXDRDY = const(0x108)
_ENDRX = const(0x110)
_RXTO = const(0x144)
_RXSTARTED = const(0x14C)
_SHORTS = const(0x200)
_INTENSET = const(0x304)
_INTENCLR = const(0x308)
_ENABLE = const(0x500)
_PSEL_RTS = const(0x508)
_PSEL_TXD = const(0x50C)
_PSEL_CTS = const(0x510)
_PSEL_RXD = const(0x514)
_BAUDRATE = const(0x524)
_RXD_AMOUNT = const(0x53C)
_CONFIG = const(0x56C)

_INT_RXDRDY = const(1 << 2)
_INT_ENDRX = const(1 << 4)
_INT_ENDTX = const(1 << 8)
_INT_RXTO = const(1 << 17)
_INT_RXSTARTED = const(1 << 19)
_ENDRX_STARTRX = const(1 << 5)  # 6.34.9, "SHORTS"
_ENABLED = const(8)
_DISCONNECTED = const(0xFFFFFFFF)
_BAUD_115200 = const(0x01D60000)  # 6.34.9, "BAUDRATE"
_FLOW_CONTROL = const(1)

_SIZE = const(256)  # bytes of each of the two buffers
_SILENCE_HZ = const(1000)  # a pause of 1 / so many seconds ends a burst
_LOOKS = const(2000)  # at the stopping hardware: more than the four bytes' time that it takes


class Uarte:
    """A HIL Uart, 115200 baud, 8N1. Pins are numbers, 32 for P1.00; `rts` and `cts` -1 for no flow control.

    The pins are set up as 6.34.8 says before this is made. Bytes that come in while nobody receives wait, up to
    two buffers of them.
    """

    def __init__(
        self, registers: Registers, line: InterruptLine, alarm: Alarm, txd: int, rxd: int, rts: int, cts: int
    ) -> None:
        self._registers = registers
        self._trigger = line.trigger
        self._alarm = alarm
        self._silence = alarm.frequency // 256 // _SILENCE_HZ + 1
        self._start_rx = registers.field(_STARTRX, 0, 32)
        self._stop_rx = registers.field(_STOPRX, 0, 32)
        self._start_tx = registers.field(_STARTTX, 0, 32)
        self._ready = registers.field(_RXDRDY, 0, 1)  # a byte has come
        self._ended = registers.field(_ENDRX, 0, 1)  # to read; end_dma() clears it
        self._stopped = registers.field(_RXTO, 0, 1)
        self._started = registers.field(_RXSTARTED, 0, 1)  # pointer and length may be set for the next
        self._shorts = registers.field(_SHORTS, 0, 32)
        self._enable = registers.field(_INTENSET, 0, 32)
        self._disable = registers.field(_INTENCLR, 0, 32)
        self._amount = registers.field(_RXD_AMOUNT, 0, 16)
        self._transmitted: "Callable[[Buffer, int, int], None]" = self._ignore
        self._received: "Callable[[Buffer, int, int], None]" = self._ignore
        self._tx_length = 0
        # The client's reception.
        self._rx_buffer: TakeCell[Buffer] = TakeCell()
        self._rx_at = 0
        self._rx_length = 0
        # The hardware's. Each of the two buffers is empty, or given to the hardware, or holds bytes for the client.
        self._empty = [Buffer(_SIZE), Buffer(_SIZE)]
        self._given = 0
        self._full: "list[Buffer]" = []  # oldest first
        self._ends: "list[int]" = []  # how many bytes each of them has
        self._at = 0  # bytes of the oldest that the client has already
        self._latched = False  # the hardware has taken pointer and length of the one that it fills
        self._stopping = False
        self._timing = False  # the alarm is set
        self._dirty = False  # there may be bytes in the buffer that is being filled, of which RXDRDY says nothing
        flow_control = rts >= 0 and cts >= 0
        self._most_given = 1 if flow_control else 2
        alarm.set_client(self._look)
        registers.write(_ENABLE, 0)
        registers.write(_PSEL_TXD, txd)
        registers.write(_PSEL_RXD, rxd)
        registers.write(_PSEL_RTS, rts if flow_control else _DISCONNECTED)
        registers.write(_PSEL_CTS, cts if flow_control else _DISCONNECTED)
        registers.write(_CONFIG, _FLOW_CONTROL if flow_control else 0)
        registers.write(_BAUDRATE, _BAUD_115200)
        registers.write(_SHORTS, 0)
        self._disable(_DISCONNECTED)
        self._ready(0)
        self._stopped(0)
        registers.write(_ENABLE, _ENABLED)
        self._enable(_INT_ENDRX | _INT_ENDTX | _INT_RXTO | _INT_RXSTARTED)
        line.enable(self._interrupt)
        self._feed()

    def set_client(self, client: UartClient) -> None:
        self._transmitted = client.transmitted
        self._received = client.received

    def _ignore(self, buffer: Buffer, length: int, status: int) -> None:
        """The client if there is none."""

    # -- For the client --

    def transmit(self, buffer: Buffer, length: int) -> None:
        self._tx_length = length
        self._registers.start_dma("tx", buffer.move(self), length)
        self._start_tx(1)

    def receive(self, buffer: Buffer, length: int) -> None:
        self._rx_buffer.put(buffer.move(self))
        self._rx_at = 0
        self._rx_length = length
        if self._full:
            self._trigger()  # from the kernel's loop, not from here
        else:
            self._watch()

    def receive_abort(self) -> None:
        self._finish(ErrorCode.CANCEL)

    def _finish(self, status: int) -> None:
        buffer = self._rx_buffer.take()
        if buffer is not None:
            call_client(self._received, buffer.give_back(), self._rx_at, status)

    # -- For the hardware --

    def _interrupt(self) -> None:
        sent = self._registers.end_dma("tx")
        if sent is not None:
            call_client(self._transmitted, sent.give_back(), self._tx_length, 0)
        if self._stopping:
            if self._stopped():
                self._restart()
        elif self._ended():
            self._shorts(0)  # if there was a next one, it is being filled; there is none after it
            self._latched = False
            self._take(_SIZE)
        self._feed()
        if self._full:
            self._deliver()
            self._feed()
        if not self._timing and not self._stopping and self._ready():
            self._disable(_INT_RXDRDY)
            if self._rx_buffer.is_some():
                self._watch()

    def _take(self, count: int) -> None:
        """The hardware is done with its first buffer, and has put so many bytes into it."""
        buffer = self._registers.end_dma("rx")
        if buffer is None:
            return
        self._given -= 1
        if count:
            self._full.append(buffer)
            self._ends.append(count)
        else:
            self._empty.append(buffer)

    def _feed(self) -> None:
        """Give the hardware a buffer to fill, and one for afterwards."""
        if self._stopping:
            return
        if self._given == 0 and self._empty:
            self._latched = False
            self._started(0)
            self._registers.start_dma("rx", self._empty.pop(), _SIZE)
            self._given = 1
            self._start_rx(1)
        if self._started():
            self._started(0)
            self._latched = True
        if self._given == 1 and self._latched and self._most_given == 2 and self._empty and not self._ended():
            self._registers.start_dma("rx", self._empty.pop(), _SIZE)
            self._given = 2
            self._shorts(_ENDRX_STARTRX)
            if self._ended() and not self._started():  # the first was full before the short was there
                self._start_rx(1)

    def _deliver(self) -> None:
        """Hand on what has come in, as long as the client wants it."""
        while self._full:
            buffer = self._rx_buffer.take()
            if buffer is None:
                return
            at = self._at
            end = self._ends[0]
            count = min(end - at, self._rx_length - self._rx_at)
            buffer.copy(self._rx_at, self._full[0], at, count)
            self._rx_at += count
            self._at = at + count
            if at + count == end:
                self._empty.append(self._full.pop(0))
                self._ends.pop(0)
                self._at = 0
            self._rx_buffer.put(buffer)
            if self._rx_at == self._rx_length:
                self._finish(0)

    # -- The end of a burst --

    def _watch(self) -> None:
        """The client waits: when a byte has come, look for the silence after it."""
        if self._timing or self._stopping:
            return
        if self._dirty or self._ready():
            self._ready(0)
            self._dirty = True
            self._timing = True
            self._alarm.set_alarm(self._silence)
        else:
            self._enable(_INT_RXDRDY)

    def _look(self) -> None:
        """From the alarm."""
        self._timing = False
        if self._ready():  # more has come
            self._watch()
        elif self._rx_buffer.is_some() and self._dirty:
            self._flush()

    def _flush(self) -> None:
        """Stop the hardware to see what it has; then start it again."""
        if self._given == 0 or self._stopping:
            return
        self._shorts(0)
        if self._ended():  # it is full just now, and the next one is being filled
            self._watch()
            return
        self._dirty = False
        self._stopped(0)
        self._stopping = True
        self._stop_rx(1)
        # Whatever else the kernel has to do comes after the restart: until then bytes can be lost.
        for _ in range(_LOOKS):
            if self._stopped():
                break
        self._interrupt()

    def _restart(self) -> None:
        """The hardware has stopped."""
        self._stopped(0)
        self._stopping = False
        count = self._amount()
        if self._given == 2:  # pointer and length are those of the second
            self._latched = False
            self._started(0)
            self._take(count)
            self._start_rx(1)
        else:
            self._take(count)
        self._feed()
        if self._rx_buffer.is_some():
            self._watch()
