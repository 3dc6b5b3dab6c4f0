"""Any number of users of one UART.

Transmissions go out one at a time, in turn. Received bytes go to every device that is receiving.
"""

from typing import Callable

from cells import Buffer, TakeCell
from kernel import ErrorCode, call_client

from capsules.hil.uart import Uart, UartClient


class UartDevice:
    """One user's UART; a HIL Uart itself."""

    def __init__(self, mux: "UartMux") -> None:
        self._mux = mux
        self._transmitted: "Callable[[Buffer, int, int], None]" = self._ignore
        self._received: "Callable[[Buffer, int, int], None]" = self._ignore
        self.transmit_cell: TakeCell[Buffer] = TakeCell()
        self.transmit_length = 0
        self.receive_cell: TakeCell[Buffer] = TakeCell()
        self.receive_length = 0
        self.receive_at = 0

    def set_client(self, client: UartClient) -> None:
        self._transmitted = client.transmitted
        self._received = client.received

    def _ignore(self, buffer: Buffer, length: int, status: int) -> None:
        """The client of a device that has none."""

    def transmit(self, buffer: Buffer, length: int) -> None:
        self.transmit_length = length
        self.transmit_cell.put(buffer.move(self))
        self._mux.transmit_next()

    def receive(self, buffer: Buffer, length: int) -> None:
        self._mux.pause()
        self.receive_length = length
        self.receive_at = 0
        self.receive_cell.put(buffer.move(self))
        self._mux.receive_next()

    def receive_abort(self) -> None:
        if self.receive_cell.is_some():
            self._mux.abort(self)

    def finish_transmit(self, buffer: Buffer, length: int, status: int) -> None:
        """The mux has sent this device's bytes."""
        call_client(self._transmitted, buffer, length, status)

    def finish_receive(self, status: int) -> None:
        """Give the client what has come in."""
        buffer = self.receive_cell.take()
        if buffer is not None:
            call_client(self._received, buffer.give_back(), self.receive_at, status)

    def take_bytes(self, source: Buffer, length: int) -> None:
        """Bytes have come in."""
        buffer = self.receive_cell.take()
        if buffer is None:
            return
        self.receive_at += buffer.copy(self.receive_at, source, 0, min(length, self.receive_length - self.receive_at))
        self.receive_cell.put(buffer)
        if self.receive_at == self.receive_length:
            self.finish_receive(0)

    def wanted(self) -> int:
        """Bytes still to come; 0 if the device is not receiving."""
        return self.receive_length - self.receive_at if self.receive_cell.is_some() else 0


class UartMux:
    """Shares a HIL Uart among devices."""

    def __init__(self, uart: Uart, receive_buffer: Buffer) -> None:
        self._uart = uart
        self._devices: "tuple[UartDevice, ...]" = ()
        self._turn = 0
        self._sending: "UartDevice | None" = None
        self._receive_buffer = TakeCell(receive_buffer)
        self._paused = False
        self._aborting: "UartDevice | None" = None
        uart.set_client(self)

    def new_device(self) -> UartDevice:
        """Make one more device; only while the board is wired."""
        device = UartDevice(self)
        self._devices += (device,)
        return device

    def transmit_next(self) -> None:
        """Start the next transmission unless one is under way."""
        if self._sending is not None:
            return
        count = len(self._devices)
        for _ in range(count):
            self._turn = self._turn + 1 if self._turn + 1 < count else 0
            device = self._devices[self._turn]
            buffer = device.transmit_cell.take()
            if buffer is not None:
                self._sending = device
                self._uart.transmit(buffer, device.transmit_length)
                return

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """From the hardware."""
        device = self._sending
        self._sending = None
        if device is not None:
            device.finish_transmit(buffer.give_back(), length, status)
        self.transmit_next()

    def receive_next(self) -> None:
        """Receive as many bytes as the device that wants fewest, unless it is done already."""
        fewest = 0
        for device in self._devices:
            wanted = device.wanted()
            if wanted and (fewest == 0 or wanted < fewest):
                fewest = wanted
        if fewest:
            buffer = self._receive_buffer.take()
            if buffer is not None:
                self._uart.receive(buffer, min(fewest, len(buffer)))

    def pause(self) -> None:
        """Hand out what has come in: what a device is about to ask for begins after it."""
        if not self._receive_buffer.is_some():
            self._paused = True
            self._uart.receive_abort()
            self._paused = False

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the hardware."""
        for device in self._devices:
            device.take_bytes(buffer, length)
        self._receive_buffer.put(buffer)
        aborting = self._aborting
        self._aborting = None
        if aborting is not None:
            aborting.finish_receive(ErrorCode.CANCEL)
        if not self._paused:
            self.receive_next()

    def abort(self, device: UartDevice) -> None:
        """End one device's reception: stop the hardware, hand out what it has, go on for the rest."""
        self._aborting = device
        self._uart.receive_abort()
