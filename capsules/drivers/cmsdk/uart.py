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


class CmsdkUart:
    """A HIL Uart. The hardware holds one byte each way, so each byte is an interrupt at worst.

    While nobody receives, the receive interrupt is off and a byte that has come in waits. An interrupt that was cut short
    comes once more, and finds what is left to be done: a client is told of what is over until it has been.
    """

    def __init__(self, registers: Registers, receive: InterruptLine, transmit: InterruptLine, clock: int, baud: int) -> None:
        self._registers = registers
        self._data = registers.field(_DATA, 0, 32)  # written whole: a read would take a received byte
        self._tx_full = registers.field(_STATE, _STATE_TX_FULL_BIT, 1)
        self._rx_full = registers.field(_STATE, _STATE_RX_FULL_BIT, 1)
        self._clear = registers.field(_INTSTATUS, 0, 32)  # ones clear
        self._rx_interrupt = registers.field(_CTRL, _CTRL_RX_INTERRUPT_BIT, 1)
        self._rx_line = receive
        self._client: "UartClient | None" = None
        self._tx_buffer: "Buffer | None" = None
        self._tx_at = 0
        self._tx_length = 0
        self._tx_over = False  # and the client is being told, or that was cut short
        self._rx_buffer: "Buffer | None" = None
        self._rx_at = 0
        self._rx_length = 0
        self._rx_over = False
        self._rx_status = 0
        registers.write(_BAUDDIV, clock // baud)
        registers.write(_CTRL, _CTRL_TX_ENABLE | _CTRL_RX_ENABLE | _CTRL_TX_INTERRUPT)
        receive.enable(self._receive_interrupt)
        transmit.enable(self._transmit_interrupt)

    def set_client(self, client: UartClient) -> None:
        self._client = client

    def transmit(self, buffer: Buffer, length: int) -> None:
        self._tx_buffer = buffer
        self._tx_length = length
        self._tx_at = 0  # after these, or too much of the one before might be sent
        self._tx_over = False
        self._fill()

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
        if self._tx_at < self._tx_length:
            self._fill()
            return
        buffer, client = self._tx_buffer, self._client
        if buffer is not None and client is not None:
            self._tx_over = True
            client.transmitted(buffer, self._tx_length, 0)
            if self._tx_over:  # the client has begun nothing else
                self._tx_buffer = None

    def receive(self, buffer: Buffer, length: int) -> None:
        self._rx_at = 0
        self._rx_length = length
        self._rx_buffer = buffer
        self._rx_interrupt(1)
        self._rx_over = False
        if self._rx_full():  # it came while the interrupt was off, so there will be none for it
            self._rx_line.trigger()

    def _receive_interrupt(self) -> None:
        self._clear(_INT_RX)
        buffer = self._rx_buffer
        if buffer is None:
            self._rx_interrupt(0)
            return
        if self._rx_over:
            self._finish(self._rx_status)
            return
        at = self._rx_at
        while at < self._rx_length and self._rx_full():
            buffer[at] = self._data()
            at += 1
        self._rx_at = at
        if at == self._rx_length:
            self._finish(0)

    def _finish(self, status: int) -> None:
        self._rx_interrupt(0)
        buffer, client = self._rx_buffer, self._client
        if buffer is not None and client is not None:
            self._rx_status = status
            self._rx_over = True
            client.received(buffer, self._rx_at, status)
            if self._rx_over:  # the client has begun nothing else
                self._rx_buffer = None

    def receive_abort(self) -> None:
        self._finish(ErrorCode.CANCEL)
