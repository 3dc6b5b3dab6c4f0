"""UART with EasyDMA: nRF52840 Product Specification v1.7, 6.34 "UARTE".

Receiving. The hardware writes to one buffer of this driver while another waits to be next and a third is read, so a byte
is lost only if nobody has looked for the time of a whole buffer: 22 ms at 115200 baud. With flow control there is no
next: the hardware holds the sender off until it has a buffer.

The hardware reports how full a buffer is only when it is stopped (RXD.AMOUNT), and stopping it loses bytes. So it is
never stopped: a counter counts its event RXDRDY, one for each byte (6.34), and says when as many have
come as the client wants. RXDRDY comes before the byte is in memory, by the time that EasyDMA needs for one byte, well
below a microsecond; from the event to the copy the kernel needs more than a hundred instructions.

Only if the hardware reports an error, or has counted more bytes than there was room for, is it stopped: then bytes are
lost already, and the count starts again. Errors that come soon one after the other, as when the sender has another rate,
have it pause, or the kernel would do nothing else.

Power. A receiver that waits needs some 600 uA with the clock that it runs on, a hundred times what the chip needs asleep.
So it is switched off when nobody has received for ten seconds, and on again for the next who does; what is sent
meanwhile is lost. The transmitter is on while there is something to send. Both need the exact clock (5.4.1: the inexact
one may be off by more than a UART bears), and the block is disabled when neither is on (6.34, "Low power").
"""

from cells import Buffer, TakeCell
from kernel import Callback, ErrorCode, InterruptLine, Registers, call_client, callback
from micropython import const

from capsules.hil.counter import EventCounter
from capsules.hil.gpio import Pin
from capsules.hil.system import ExactClock
from capsules.hil.time import Alarm
from capsules.hil.uart import UartClient

# 6.34 "UARTE", registers
_STARTRX = const(0x000)
_STOPRX = const(0x004)
_STARTTX = const(0x008)
_STOPTX = const(0x00C)
_FLUSHRX = const(0x02C)
_ENDRX = const(0x110)
_ERROR = const(0x124)
_RXTO = const(0x144)
_RXSTARTED = const(0x14C)
_TXSTOPPED = const(0x158)
_SHORTS = const(0x200)
_INTENSET = const(0x304)
_INTENCLR = const(0x308)
_ERRORSRC = const(0x480)
_ENABLE = const(0x500)
_PSEL_RTS = const(0x508)
_PSEL_TXD = const(0x50C)
_PSEL_CTS = const(0x510)
_PSEL_RXD = const(0x514)
_BAUDRATE = const(0x524)
_CONFIG = const(0x56C)

_INT_ENDRX = const(1 << 4)
_INT_ENDTX = const(1 << 8)
_INT_ERROR = const(1 << 9)
_INT_RXTO = const(1 << 17)
_INT_RXSTARTED = const(1 << 19)
_ENDRX_STARTRX = const(1 << 5)  # UARTE, "SHORTS"
_ENABLED = const(8)
_DISCONNECTED = const(0xFFFFFFFF)
_BAUD_115200 = const(0x01D60000)  # UARTE, "BAUDRATE"
_FLOW_CONTROL = const(1)

_EDGE_RISING = const(1)  # capsules/hil/gpio.py

_BUFFERS = const(3)
_SIZE = const(256)  # bytes of each
_COUNT_MASK = const(0xFFFFFF)  # of an EventCounter
_TELLS = const(8)  # as often as the kernel calls a handler that fails
_LOOKS = const(16)  # at a flush, or a stop of what is idle: they take the time of a few accesses
_LINGER = const(10)  # seconds that the receiver stays on for the next who receives
_PAUSES = const(64)  # a second, of a receiver that hears nothing but errors
_SOON = const(128)  # bytes that come between two errors


class Uarte:
    """A HIL Uart, 115200 baud, 8N1. Its pins TXD, RXD, RTS and CTS are numbers, 32 for P1.00; without flow control the last two are -1.

    `rx` is the pin of RXD: a line that is low for long is a break, an error each time the
    receiver is started, so it stays off until the line rises. The pins are set up as 6.34 says before this is made, and
    `counter` counts the event RXDRDY. Bytes that come in while nobody receives wait, up to three buffers of them, unless
    nobody has received for long: `alarm` says so.
    """

    def __init__(
        self,
        registers: Registers,
        line: InterruptLine,
        counter: EventCounter,
        clock: ExactClock,
        alarm: Alarm,
        rx: Pin,
        numbers: "tuple[int, int, int, int]",
    ) -> None:
        txd, rxd, rts, cts = numbers
        flow = rts >= 0
        self._registers = registers
        self._trigger = line.trigger
        self._come = counter.now
        self._set_target = counter.set_target
        self._start_rx = registers.field(_STARTRX, 0, 32)
        self._start_tx = registers.field(_STARTTX, 0, 32)
        self._ended = registers.field(_ENDRX, 0, 1)  # to read; end_dma() clears it
        self._error = registers.field(_ERROR, 0, 1)
        self._stopped = registers.field(_RXTO, 0, 1)
        self._started = registers.field(_RXSTARTED, 0, 1)  # pointer and length may be set for the next
        self._shorts = registers.field(_SHORTS, 0, 32)
        self._transmitted: "Callback | None" = None
        self._received: "Callback | None" = None
        self._tx_buffer: "Buffer | None" = None
        self._tx_length = 0
        # The client's reception.
        self._rx_buffer: TakeCell[Buffer] = TakeCell()
        self._rx_lent: "Buffer | None" = None  # of which the client is being told,
        self._rx_told = 0  # and how often it has been before, and was cut short
        self._rx_at = 0
        self._rx_length = 0
        self._rx_least = 0
        self._asked = False  # for more, and nobody has looked what is there already
        # The hardware's. Each buffer is empty, or given to the hardware, or full and not yet read.
        self._empty: "list[Buffer]" = []
        for _ in range(_BUFFERS):
            self._empty.append(Buffer(_SIZE))
        self._given: "list[Buffer]" = []  # the one that is being filled, and the next
        self._full: "list[Buffer]" = []  # oldest first
        self._at = 0  # bytes of the oldest that the client has already
        self._begin = 0  # the count when the one that is being filled was begun
        self._latched = False  # the hardware has taken pointer and length of the one that it fills
        self._rx_high = rx.read
        self._watch_rx = rx.enable_interrupts
        self._leave_rx = rx.disable_interrupts
        rx.set_client(self._rx_rose)
        self._clock = clock
        self._alarm = alarm
        self._linger = int(alarm.frequency >> 8) * _LINGER
        self._pause = int(alarm.frequency >> 8) // _PAUSES
        self._lingers = False  # the receiver is on, though nobody receives
        self._rest_at = 0  # until then
        self._pauses = False  # and the alarm is set
        self._used = True  # somebody has received since it was set
        self._powered = False  # the block is enabled, and the clock claimed
        self._exact = False  # and runs
        self._sending = False
        self._ending = False  # whether it is over is being asked, or that was cut short
        self._tx_over = 0  # how often the client has been told, and was cut short in the middle of that
        self._sends_later = False  # when the clock runs
        self._wanted = True  # the receiver is to be on
        self._listening = False  # it has been started
        self._low = False  # the line is, and the receiver off until it rises
        self._lost = False  # bytes were: the count says nothing any more
        self._since = 0  # the count when the receiver was started
        self._error_soon = False  # few bytes after that
        self._stopping = False
        self._most_given = 1 if flow else 2
        counter.set_client(self._serve)
        registers.write(_ENABLE, 0)
        registers.write(_PSEL_TXD, txd)
        registers.write(_PSEL_RXD, rxd)
        registers.write(_PSEL_RTS, rts if flow else _DISCONNECTED)
        registers.write(_PSEL_CTS, cts if flow else _DISCONNECTED)
        registers.write(_CONFIG, _FLOW_CONTROL if flow else 0)
        registers.write(_BAUDRATE, _BAUD_115200)
        registers.write(_SHORTS, 0)
        registers.write(_INTENCLR, _DISCONNECTED)
        self._stopped(0)
        self._error(0)
        self._registers.write(_ERRORSRC, _DISCONNECTED)
        registers.write(_INTENSET, _INT_ENDRX | _INT_ENDTX | _INT_ERROR | _INT_RXTO | _INT_RXSTARTED)
        clock.set_client(self._clock_runs)
        alarm.set_client(self._alarm_rings)
        line.enable(self._interrupt)

    def start(self) -> None:
        """Receive."""
        self._give()
        self._receive_on()
        self._rest_later()

    def set_client(self, client: UartClient) -> None:
        self._transmitted = callback(client.transmitted)
        self._received = callback(client.received)

    # -- For the client --

    def transmit(self, buffer: Buffer, length: int) -> int:
        if self._sending:
            return ErrorCode.BUSY
        self._tx_over = 0
        if self._tx_buffer is not buffer or self._is_ours(buffer):  # else this was cut short just behind it
            self._tx_length = length
            self._tx_buffer = buffer
            self._registers.start_dma("tx", buffer, length)
        if self._exact or self._power():
            self._start_tx(1)
        else:
            self._sends_later = True
        self._sending = True
        return 0

    def receive(self, buffer: Buffer, length: int, least: int = 0) -> None:
        if not self._rx_buffer.is_some():
            self._rx_buffer.put(buffer.move(self))
            self._rx_at = 0
            self._rx_lent = None
        self._rx_length = length
        self._rx_least = min(least, length) if least > 0 else length
        self._used = True
        self._asked = True
        if not self._wanted:
            self._wanted = True
            if not self._stopping:
                self._receive_on()
        self._trigger()  # what is there already is handed over from the kernel's loop, not from here

    def receive_abort(self) -> None:
        self._read()
        buffer = self._rx_buffer.take()
        if buffer is not None and self._received is not None:
            self._received(buffer.give_back(), self._rx_at, ErrorCode.CANCEL)  # who is called here has called
            self._rest_later()

    def _finish(self) -> None:
        buffer = self._rx_buffer.take()
        if buffer is not None:
            self._tell(buffer.give_back(), 0)

    def _tell(self, lent: Buffer, told: int) -> None:
        """The client has its buffer back. Once more if it was cut short, for which the handler is called again."""
        self._rx_lent = lent
        self._rx_told = told
        if call_client(self._received, lent, self._rx_at, ErrorCode.ALREADY if told else 0) or told >= _TELLS:
            self._rx_lent = None
            self._rest_later()
        elif self._rx_lent is not None:  # the client has not begun another one
            self._asked = True
            self._trigger()

    # -- Power --

    def _power(self) -> int:
        """Enable the block and claim the clock; 1 if that runs."""
        if not self._powered:
            self._powered = True
            self._registers.write(_ENABLE, _ENABLED)
            if self._clock.request():
                self._exact = True
        return int(self._exact)

    def _clock_runs(self) -> None:
        self._exact = True
        if self._sends_later:
            self._sends_later = False
            self._start_tx(1)
        if self._wanted and not self._listening and not self._stopping and not self._low:
            self._receive_on()

    def _receive_on(self) -> None:
        """Start the receiver, if the clock runs and the line is idle; else that does, when it comes to it."""
        if not self._exact and not self._power():
            return
        self._begin = self._since = self._come()
        if self._rx_high():
            self._start()
            return
        self._low = True
        self._watch_rx(_EDGE_RISING)
        if self._rx_high():  # it may have risen before it was watched
            self._rx_rose()

    def _rest_later(self) -> None:
        """Somebody has received: see whether anybody else does."""
        if not self._lingers and not self._rx_buffer.is_some():
            self._lingers = True
            self._used = False
            self._rest_at = (self._alarm.now() + self._linger) & _COUNT_MASK
            if not self._pauses:
                self._alarm.set_alarm(self._linger)

    def _alarm_rings(self) -> None:
        if self._pauses:
            self._pauses = False
            if self._wanted and not self._listening and not self._stopping and not self._low:
                self._receive_on()
        if self._lingers:
            left = (self._rest_at - self._alarm.now()) & _COUNT_MASK
            if 0 < left <= self._linger:
                self._alarm.set_alarm(left)
            else:
                self._rest()

    def _rest(self) -> None:
        self._lingers = False
        if self._rx_buffer.is_some():
            return
        if self._used:
            self._rest_later()
            return
        self._wanted = False
        if self._low:
            self._low = False
            self._leave_rx()
        if self._listening:
            self._stop()  # and then off
        else:
            self._power_off()

    def _power_off(self) -> None:
        """If nothing is sent or received any more."""
        if self._wanted or self._stopping or self._sending or not self._powered:
            return
        registers = self._registers
        registers.write(_TXSTOPPED, 0)
        registers.write(_STOPTX, 1)
        for _ in range(_LOOKS):
            if registers.read(_TXSTOPPED):
                break
        registers.write(_ENABLE, 0)
        self._powered = False
        self._exact = False
        self._clock.release()

    # -- For the hardware --

    def _interrupt(self) -> None:
        if self._has_sent():
            buffer = self._tx_buffer
            told = int(self._tx_over)
            self._tx_over = told + 1
            self._sending = False
            self._ending = False
            if buffer is not None:
                good = call_client(self._transmitted, buffer, self._tx_length, ErrorCode.ALREADY if told else 0)
                if not good and 0 < self._tx_over < _TELLS:
                    self._trigger()
                    return
            self._tx_over = 0
            if not self._wanted:
                self._power_off()
            if not self._asked:
                return  # whatever else there is to do, its event has the interrupt come again
        if self._error():
            # Until it is started again, for which somebody may have to read first, each byte would be one more error.
            self._registers.write(_INTENCLR, _INT_ERROR)
            self._error(0)
            self._registers.write(_ERRORSRC, _DISCONNECTED)  # a 1 clears
            self._lost = True
            self._error_soon = (self._come() - self._since) & _COUNT_MASK < _SOON
        if self._stopping and self._stopped():
            self._restart()
        self._serve()

    def _has_sent(self) -> bool:
        """Whether a transmission is over, of which the client has not been told, or not to the end."""
        if not self._sending:
            return self._tx_over != 0
        again = self._ending
        self._ending = True
        buffer = self._tx_buffer
        if self._registers.end_dma("tx") is not None:
            return True
        if again and buffer is not None and self._is_ours(buffer):
            return True  # the answer was lost when it was cut short
        self._ending = False
        return False

    def _is_ours(self, buffer: Buffer) -> bool:
        """Whether the handle is good, and no hardware uses the buffer."""
        try:
            return len(buffer) > 0
        except RuntimeError:
            return False

    def _serve(self) -> None:
        """Do what there is to do, whoever has noticed."""
        self._asked = False
        lent = self._rx_lent
        if lent is not None:
            self._tell(lent, int(self._rx_told) + 1)
        if not self._stopping:
            self._collect()
            self._recycle()
            self._feed()
        self._read()
        while self._rx_buffer.is_some() and self._rx_at >= self._rx_least:
            self._finish()  # the client may ask for more at once
            self._read()
        self._feed()

    def _collect(self) -> None:
        """If the hardware has filled its buffer, take it."""
        if not self._ended():
            return
        self._shorts(0)  # if there was a next one, it is being filled; there is none after it
        come = (self._come() - self._begin) & _COUNT_MASK
        if come < _SIZE or come >= 2 * _SIZE:  # never; or too late, and the next was filled again from its beginning
            self._lost = True
        self._latched = False
        if self._take():
            self._begin = (self._begin + _SIZE) & _COUNT_MASK

    def _take(self) -> bool:
        """Take the buffer that the hardware is done with."""
        buffer = self._registers.end_dma("rx")
        if buffer is None:
            return False
        self._given.pop(0)
        (self._empty if self._stopping else self._full).append(buffer)
        return True

    def _recycle(self) -> None:
        """If the oldest buffer is full and read, it is empty."""
        if self._full and self._at == _SIZE:
            self._empty.append(self._full.pop(0))
            self._at = 0

    def _feed(self) -> None:
        """Give the hardware a buffer to fill, and one for afterwards."""
        if not self._listening:
            return
        if self._lost and (self._given or self._empty):
            self._stop()
            return
        if not self._given and self._empty:
            self._give()
            self._start()
        if len(self._given) != 1:
            return
        if self._started():  # with two given, that would be the second, and the first not collected yet
            self._started(0)
            self._latched = True
        if self._latched and self._most_given == 2 and self._empty and not self._ended():
            self._give()
            self._shorts(_ENDRX_STARTRX)
            if self._ended() and not self._started():  # the first was full before the short was there
                self._start_rx(1)

    def _give(self) -> None:
        buffer = self._empty.pop()
        self._given.append(buffer)
        self._registers.start_dma("rx", buffer, _SIZE)

    def _start(self) -> None:
        self._latched = False
        self._listening = True
        self._started(0)
        self._start_rx(1)

    def _read(self) -> None:
        """Copy what has come in to the client's buffer; if it wants more, have the counter say when that is there."""
        buffer = self._rx_buffer.take()
        if buffer is None:
            return
        while True:
            self._recycle()
            if self._full:
                source, end = self._full[0], _SIZE
            elif self._given and self._listening:
                source, end = self._given[0], (self._come() - self._begin) & _COUNT_MASK
                if end > _SIZE:
                    end = _SIZE
            else:
                break
            count = end - self._at
            if count > self._rx_length - self._rx_at:
                count = self._rx_length - self._rx_at
            if count <= 0:
                break
            buffer.copy(self._rx_at, source, self._at, count)
            self._rx_at += count
            self._at += count
        self._rx_buffer.put(buffer)
        # A full buffer has an interrupt of its own.
        missing = self._rx_least - self._rx_at
        if 0 < missing <= _SIZE - self._at:
            self._set_target((self._begin + self._at + missing) & _COUNT_MASK)

    # -- After a loss --

    def _stop(self) -> None:
        """What the hardware's buffers hold is given up, except for what the client has asked for."""
        self._lost = False
        self._read()
        if not self._full:
            self._at = 0
        self._shorts(0)
        self._stopped(0)
        self._started(0)  # nobody looks at it any more, and it would have the interrupt come for ever
        self._stopping = True
        self._listening = False
        self._registers.write(_STOPRX, 1)

    def _restart(self) -> None:
        """The hardware has stopped. What its FIFO has kept, it would pass on uncounted, so that is given up too."""
        self._stopped(0)
        self._error(0)
        self._registers.write(_ERRORSRC, _DISCONNECTED)
        self._registers.write(_INTENSET, _INT_ERROR)
        self._take()
        if not self._given:
            self._give()
        self._registers.write(_FLUSHRX, 1)
        for _ in range(_LOOKS):
            if self._ended():
                break
        self._take()
        if not self._given:
            self._give()
        self._stopping = False
        if not self._wanted:
            self._power_off()
        elif self._error_soon:
            self._error_soon = False
            self._pauses = True
            self._begin = self._come()  # what the client wants comes after the pause
            self._alarm.set_alarm(self._pause)
        else:
            self._receive_on()

    def _rx_rose(self) -> None:
        if self._low:
            self._low = False
            self._leave_rx()
            self._start()
