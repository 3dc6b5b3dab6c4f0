"""CMSDK APB UART: Arm Cortex-M System Design Kit TRM (DDI 0479), 4.3, table 4-11."""

from cells import Buffer
from kernel import ErrorCode, InterruptLine, Registers
from micropython import const

from capsules.hil.uart import UartClient

_DATA = const(0x000)
_STATE = const(0x004)
_CTRL = const(0x008)
_INTSTATUS = const(0x00C)  # written: interrupt clear
_BAUDDIV = const(0x010)

_STATE_TX_FULL_BIT = const(0)
_STATE_RX_FULL_BIT = const(1)
_CTRL_TX_ENABLE = const(1)
_CTRL_RX_ENABLE = const(2)
_CTRL_TX_INTERRUPT = const(4)
_CTRL_RX_INTERRUPT_BIT = const(3)
_INT_TX = const(1)
_INT_RX = const(2)

_OVER = const(0x10000)  # more than any buffer has

_RING = const(256)  # a power of two; mpremote sends 253 bytes without waiting
_TURN = const(511)  # twice that, less one


class CmsdkUart:
    """A HIL Uart. The hardware holds one byte each way, so each byte is an interrupt at worst.

    An interrupt that was cut short comes once more, and finds what is left to be done: a client is told of what is over until
    it has been. Each attribute more makes each method's call longer, so what receives is an object of its own.
    """

    def __init__(self, registers: Registers, receive: InterruptLine, transmit: InterruptLine, clock: int, baud: int) -> None:
        self._data = registers.field(_DATA, 0, 32)  # written whole: a read would take a received byte
        self._tx_full = registers.field(_STATE, _STATE_TX_FULL_BIT, 1)
        self._clear = registers.field(_INTSTATUS, 0, 32)  # ones clear
        self._client: "UartClient | None" = None
        self._tx_buffer: "Buffer | None" = None
        self._tx_at = _OVER  # nothing is sent, or it is over, and the client is being told
        self._tx_length = 0
        self._receiver = CmsdkReceiver(registers, receive)
        registers.write(_BAUDDIV, clock // baud)
        registers.write(_CTRL, _CTRL_TX_ENABLE | _CTRL_RX_ENABLE | _CTRL_TX_INTERRUPT | 1 << _CTRL_RX_INTERRUPT_BIT)
        transmit.enable(self._transmit_interrupt)

    def set_client(self, client: UartClient) -> None:
        self._client = client
        self._receiver.set_client(client)

    def receive(self, buffer: Buffer, length: int, least: int = 0) -> None:
        self._receiver.receive(buffer, length, least)

    def receive_abort(self) -> None:
        self._receiver.abort()

    def transmit(self, buffer: Buffer, length: int) -> int:
        if self._tx_at != _OVER:
            self._fill()  # unless that was cut short, it has been done
            return ErrorCode.BUSY
        self._tx_buffer = buffer
        self._tx_length = length
        self._tx_at = 0  # after these: with it, it is under way
        self._fill()
        return 0

    def _fill(self) -> None:
        """Write bytes until the hardware takes no more. Its interrupt says when one has gone."""
        buffer = self._tx_buffer
        if not buffer:
            return
        at = int(self._tx_at)
        length = int(self._tx_length)
        full = self._tx_full
        data = self._data
        while at < length and int(full()) == 0:
            data(buffer[at])
            at += 1
        self._tx_at = at

    def _transmit_interrupt(self) -> None:
        self._clear(_INT_TX)
        at = self._tx_at
        if at < self._tx_length:
            self._fill()
            return
        buffer, client = self._tx_buffer, self._client
        if buffer is not None and client is not None:
            self._tx_at = _OVER
            client.transmitted(buffer, self._tx_length, ErrorCode.ALREADY if at == _OVER else 0)
            if self._tx_at == _OVER:  # the client has begun nothing else
                self._tx_buffer = None


class CmsdkReceiver:
    """What comes in goes to a ring, and from there to the client in blocks."""

    def __init__(self, registers: Registers, line: InterruptLine) -> None:
        self._data = registers.field(_DATA, 0, 8)
        self._full = registers.field(_STATE, _STATE_RX_FULL_BIT, 1)
        self._clear = registers.field(_INTSTATUS, 0, 32)
        self._watch = registers.field(_CTRL, _CTRL_RX_INTERRUPT_BIT, 1)
        self._line = line
        self._client: "UartClient | None" = None
        self._ring = Buffer(_RING)
        self._in = 0  # bytes that were put into the ring, modulo twice its size,
        self._out = 0  # and taken out
        self._buffer: "Buffer | None" = None
        self._at = 0
        self._length = 0
        self._least = 0
        self._over = False  # and the client is being told, or that was cut short
        line.enable(self._interrupt)

    def set_client(self, client: UartClient) -> None:
        self._client = client

    def receive(self, buffer: Buffer, length: int, least: int = 0) -> None:
        if self._over or self._buffer is None:
            self._at = 0
        self._length = length
        self._least = min(least, length) if least > 0 else length
        self._over = False
        self._buffer = buffer
        if self._in != self._out:  # what is there already is handed over from the kernel's loop, not from here
            self._line.trigger()

    def _interrupt(self) -> None:
        self._clear(_INT_RX)
        self._take()
        self._hand_over()

    def _take(self) -> None:
        """Put what the hardware holds into the ring. If that is full, the hardware waits, and its interrupt is off."""
        at = int(self._in)
        room = _RING - (at - int(self._out) & _TURN)
        full = self._full
        data = self._data
        ring = self._ring
        while room > 0 and int(full()):
            ring[at & (_RING - 1)] = data()
            at += 1
            room -= 1
        self._in = at & _TURN
        if room == 0:
            self._watch(0)

    def _hand_over(self) -> None:
        """Copy what has come in to the client's buffer, once that is worth it, and tell it."""
        buffer = self._buffer
        if buffer is None:
            return
        if self._over:
            self._finish(ErrorCode.ALREADY)
            return
        there = (self._in - self._out) & _TURN
        if self._at + there < self._least and there < _RING // 2:
            return
        self._copy(buffer)
        if self._at >= self._least:
            self._finish(0)

    def _copy(self, buffer: Buffer) -> None:
        for _ in range(2):  # the second part is at the ring's beginning
            start = self._out & (_RING - 1)
            count = min((self._in - self._out) & _TURN, _RING - start, self._length - self._at)
            buffer.copy(self._at, self._ring, start, count)
            self._out = (self._out + count) & _TURN
            self._at += count
        self._watch(1)
        if self._full():  # it came while the interrupt was off, so there will be none for it
            self._line.trigger()

    def _finish(self, status: int) -> None:
        buffer, client = self._buffer, self._client
        if buffer is not None and client is not None:
            self._over = True
            client.received(buffer, self._at, status)
            if self._over:  # the client has begun nothing else
                self._buffer = None

    def abort(self) -> None:
        buffer = self._buffer
        if buffer is not None and not self._over:
            self._copy(buffer)
        self._finish(ErrorCode.CANCEL)
