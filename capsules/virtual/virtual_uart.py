"""Any number of users of one UART.

Transmissions go out one at a time, in turn; a device that was made for whole lines keeps its turn until the end of one, and
begins none within a line of another's unless that has not gone on for a while. At first it has the line to itself, until it has
nothing more to say or has not begun for a while. While the line is held for one device, only
that one's go out, and the others' wait. Received bytes go to every device that is receiving.
"""

from typing import Any, Callable

from cells import Buffer, TakeCell
from kernel import Callback, ErrorCode, call_client, callback, deferred, shared
from micropython import const

from capsules.hil.time import Alarm
from capsules.hil.uart import Uart, UartClient

# What the mux knows of a device.
_TRANSMITTED = const(0)  # the client's callbacks, or None
_RECEIVED = const(1)
_OUT = const(2)  # the buffer to be sent, or None
_OUT_LENGTH = const(3)  # 0 while its client is being told
_IN = const(4)  # the buffer to be filled, or None
_IN_LENGTH = const(5)  # so, too
_IN_AT = const(6)
_IN_STATUS = const(7)  # of a reception that is over; _RUNNING while it is not

_OUT_LENT = const(9)  # the client's own handles of these buffers
_IN_LENT = const(10)
_IN_LEAST = const(11)  # bytes with which its reception is over
_WHOLE_LINES = const(8)  # nobody else's bytes may break its lines

_RUNNING = const(-1)
_LINE_END = const(10)

_PATIENCE_MS = const(20)  # for the end of another's line

# Whose line ends first.
_NOBODY_WAITS = const(0)
_WAITS = const(1)  # a device that sends whole lines; the alarm is set
_HAS_WAITED = const(2)


class UartDevice:
    """One user's UART; a HIL Uart itself."""

    def __init__(self, mux: "UartMux", index: int) -> None:
        self._set_client, self._transmit, self._receive, self._abort = mux.shared
        self.number = index

    def set_client(self, client: UartClient) -> None:
        self._set_client(self.number, client.transmitted, client.received)

    def transmit(self, buffer: Buffer, length: int) -> None:
        self._transmit(self.number, buffer, length)

    def receive(self, buffer: Buffer, length: int, least: int = 0) -> None:
        self._receive(self.number, buffer, length, least)

    def receive_abort(self) -> None:
        """As the HIL says; the callback comes soon, and not from here."""
        self._abort(self.number)


class UartMux:
    """Shares a HIL Uart among devices.

    Clients are called from the hardware's interrupt or a deferred call, never from within a call of theirs: another
    one's stack would be theirs then.
    """

    def __init__(self, uart: Uart, receive_buffer: Buffer, patience: "Alarm | None" = None) -> None:
        self.shared = (  # for its devices
            shared(self._set_client),
            shared(self._transmit),
            shared(self._receive),
            shared(self._abort),
        )
        self._hand_out_later = deferred(self._hand_out)
        self._uart = uart
        self._turn = 0
        self._sending = False
        self._waiting = 0  # whose buffer waits to be sent, one bit a device
        self._allowed = -1  # who may send, so, too
        self._receive_buffer = TakeCell(receive_buffer)
        self._called = False  # by a device, which is no time to call another's client
        self._devices: "list[list[Any]]" = []
        self._count = 0
        # What went out last was not the end of a line, nor from a device that sends whole ones. At first nobody knows.
        self._within_line = True
        self._greeting = False  # others wait for the first words of who sends whole lines, or for a little while
        self._patience = patience  # without one there is no waiting
        self._waits = _NOBODY_WAITS
        self._ticks_per_ms = 1
        if patience is not None:
            self._ticks_per_ms = (patience.frequency + 255999) // 256000
            patience.set_client(self._waited)
        uart.set_client(self)

    def new_device(self, whole_lines: bool = False) -> UartDevice:
        """Make one more device; only while the board is wired."""
        device = UartDevice(self, len(self._devices))
        self._devices.append([None, None, None, 0, None, 0, 0, _RUNNING, whole_lines, None, None, 0])
        self._count += 1
        if whole_lines and self._patience is not None:
            self._within_line = False
            self._greeting = True
            self._allowed = 1 << device.number
        return device

    def _set_client(self, index: int, transmitted: "Callable[..., None]", received: "Callable[..., None]") -> None:
        device = self._devices[index]
        device[_TRANSMITTED] = callback(transmitted)
        device[_RECEIVED] = callback(received)

    def set_sender(self, number: int, transmitted: Callback) -> None:
        """Tell this client what the device has sent. For the multiplexer's own capsule."""
        self._devices[number][_TRANSMITTED] = transmitted

    # -- Sending ----------------------------------------------------------------------------------

    def _transmit(self, index: int, buffer: Buffer, length: int) -> None:
        device = self._devices[index]
        if not 0 < length <= len(buffer):
            raise ValueError("a transmission has 1 byte at least, and no more than its buffer")
        if device[_OUT] is not None and device[_OUT_LENGTH]:
            raise RuntimeError("a transmission is under way")
        self._waiting |= 1 << index  # first: a bit too many does no harm
        device[_OUT_LENT] = buffer
        device[_OUT] = buffer.move(self)
        device[_OUT_LENGTH] = length
        self._transmit_next()

    def _transmit_next(self) -> None:
        """Start the next transmission unless one is under way."""
        if self._sending:
            return
        waiting = self._waiting & self._allowed
        if not waiting:
            if self._greeting and self._waits == _NOBODY_WAITS and self._waiting:
                self._wait()
            return
        turn = self._turn
        for _ in self._devices:
            turn += 1
            if turn == self._count:
                turn = 0
            if not waiting >> turn & 1:
                continue
            device = self._devices[turn]
            buffer = device[_OUT]
            if buffer is not None and device[_OUT_LENGTH]:
                if device[_WHOLE_LINES] and not self._may_begin_line():
                    continue
                self._turn = turn
                self._uart.transmit(buffer, device[_OUT_LENGTH])
                self._sending = True
                self._waiting &= ~(1 << turn)
                return

    def _may_begin_line(self) -> bool:
        """Whether a device that sends whole lines may go on; if not, it is looked at again soon."""
        if self._within_line and self._patience is not None and self._waits != _HAS_WAITED:
            if self._waits == _NOBODY_WAITS:
                self._wait()
            return False
        self._within_line = False
        if self._waits != _NOBODY_WAITS:
            self._waits = _NOBODY_WAITS
            if self._patience is not None:
                self._patience.disarm()
        return True

    def _wait(self) -> None:
        if self._patience is not None:
            self._patience.set_alarm(int(self._ticks_per_ms) * _PATIENCE_MS)
            self._waits = _WAITS

    def _waited(self) -> None:
        """From the alarm."""
        if self._greeting:
            self._greeting = False
            self._allowed = -1
            self._waits = _NOBODY_WAITS
        else:
            self._waits = _HAS_WAITED
        self._transmit_next()

    def hold(self, number: int) -> None:
        """From now on let only this device's transmissions begin; -1: everybody's. For the multiplexer's own capsule."""
        self._greeting = False
        self._allowed = 1 << number if number >= 0 else -1
        self._transmit_next()

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """From the hardware; once more if this was cut short."""
        turn = self._devices[self._turn]
        device = turn if turn[_OUT] is buffer else self._sender(buffer)
        if device is not None:
            mine = device[_OUT_LENT]
            if device[_OUT_LENGTH]:
                device[_OUT_LENGTH] = 0
                buffer.give_back()
                if device[_WHOLE_LINES]:
                    if mine[length - 1] != _LINE_END:
                        self._turn -= 1  # the rest of its line is next
                else:
                    self._within_line = mine[length - 1] != _LINE_END
                call_client(device[_TRANSMITTED], mine, length, status)
            elif self._take_back(buffer, mine):
                call_client(device[_TRANSMITTED], mine, length, status)
            if not device[_OUT_LENGTH]:  # the client has begun nothing else
                device[_OUT] = None
                if self._greeting:  # it has said all
                    self._greeting = False
                    self._allowed = -1
        self._sending = False
        self._transmit_next()

    def _sender(self, buffer: Buffer) -> "list[Any] | None":
        """Whose buffer this is, if the turn is not its any more."""
        for device in self._devices:
            if device[_OUT] is buffer:
                return device
        return None

    def _take_back(self, ours: Buffer, lent: Buffer) -> bool:
        """Make the client's handle good again; False if it has been told already, and has passed that on."""
        if self._has(ours):
            ours.give_back()
        return self._has(lent)

    def _has(self, buffer: Buffer) -> bool:
        """Whether this handle is good."""
        try:
            return len(buffer) > 0
        except RuntimeError:
            return False

    # -- Receiving --------------------------------------------------------------------------------

    def _receive(self, index: int, buffer: Buffer, length: int, least: int) -> None:
        device = self._devices[index]
        if not 0 < length <= len(buffer):
            raise ValueError("a reception has 1 byte at least, and no more than its buffer")
        if device[_IN] is not None and device[_IN_LENGTH]:
            raise RuntimeError("a reception is under way")
        self._stop()  # what this device asks for begins after what has come in
        device[_IN_AT] = 0
        device[_IN_LEAST] = min(least, length) if least > 0 else length
        device[_IN_LENT] = buffer
        device[_IN] = buffer.move(self)
        device[_IN_LENGTH] = length
        device[_IN_STATUS] = _RUNNING
        self._receive_next()

    def _abort(self, index: int) -> None:
        """End one device's reception, go on for the rest."""
        device = self._devices[index]
        if self._wanted(device):
            self._stop()
            if device[_IN_STATUS] == _RUNNING:
                device[_IN_STATUS] = ErrorCode.CANCEL
            self._hand_out_later()
            self._receive_next()

    def _stop(self) -> None:
        """Stop the hardware and share out what has come in."""
        if not self._receive_buffer.is_some():
            self._called = True
            self._uart.receive_abort()  # received()
            self._called = False

    def _wanted(self, device: "list[Any]") -> int:
        """Bytes still to come; 0 if the device is not receiving."""
        if device[_IN] is None or device[_IN_STATUS] != _RUNNING:
            return 0
        return int(device[_IN_LENGTH]) - int(device[_IN_AT])

    def _receive_next(self) -> None:
        """Receive as many bytes as the device that wants fewest, unless it is done already."""
        fewest = least = 0
        for device in self._devices:
            wanted = self._wanted(device)
            if wanted:
                if fewest == 0 or wanted < fewest:
                    fewest = wanted
                wanted = device[_IN_LEAST] - device[_IN_AT]
                if least == 0 or wanted < least:
                    least = wanted
        if fewest:
            buffer = self._receive_buffer.take()
            if buffer is not None:
                fewest = min(fewest, len(buffer))
                self._uart.receive(buffer, fewest, min(least, fewest))

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the hardware."""
        for device in self._devices:
            wanted = self._wanted(device)
            if wanted:
                count = min(length, wanted)
                device[_IN].copy(device[_IN_AT], buffer, 0, count)
                device[_IN_AT] += count
            if device[_IN_AT] >= device[_IN_LEAST] and device[_IN_STATUS] == _RUNNING:
                device[_IN_STATUS] = 0
        self._receive_buffer.put(buffer)
        if self._called:
            self._hand_out_later()
            return
        self._hand_out()
        self._receive_next()

    def _hand_out(self) -> None:
        """Give those whose reception is over what has come in; once more if this was cut short."""
        for device in self._devices:
            status = device[_IN_STATUS]
            ours = device[_IN]
            if ours is not None and status != _RUNNING:
                mine = device[_IN_LENT]
                if device[_IN_LENGTH]:
                    device[_IN_LENGTH] = 0
                    ours.give_back()
                    call_client(device[_RECEIVED], mine, device[_IN_AT], status)
                elif self._take_back(ours, mine):
                    call_client(device[_RECEIVED], mine, device[_IN_AT], status)
                if not device[_IN_LENGTH]:  # the client receives nothing else
                    device[_IN] = None
