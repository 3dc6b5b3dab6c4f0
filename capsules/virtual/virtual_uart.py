"""Any number of users of one UART.

Transmissions go out one at a time, in turn; received bytes go to every device that is receiving.

Whose turn it can be is one rule: the line is *kept* for some devices until something happens, and the others wait.

    for                                    until
    the devices that send whole lines      one of them has nothing more to say, or has said much: so it is at first
    who has begun a line                   it ends the line; of those that do not send whole lines, all may go on with it
    one device, by hold()                  hold() says otherwise

But for the last, who is kept waiting has patience for a while only: then the line is its.
"""

from typing import Any, Callable

from cells import Buffer
from kernel import Callback, ErrorCode, call_client, callback, deferred, shared
from micropython import const

from capsules.hil.time import Alarm
from capsules.hil.uart import Uart, UartClient
from capsules.parts.lent import take_back
from capsules.parts.receptions import Receptions

# What the mux knows of a device.
_TRANSMITTED = const(0)  # the client's callback, or None
_OUT = const(1)  # the buffer to be sent, or None
_OUT_LENGTH = const(2)  # 0 while its client is being told
_OUT_LENT = const(3)  # the client's own handle of it

_LINE_END = const(10)

# What the hardware sends.
_IDLE = const(0)
_BEGUN = const(1)
_TELLING = const(2)  # nothing any more, and its client is being told

_PATIENCE_MS = const(20)

_FIRST_SAID = const(64)  # transmissions of those that send whole lines, in boot

_ALL = const(-1)

# Until when the line is kept for some.
_LINE_ENDS = const(0)
_SILENT = const(1)
_RELEASED = const(2)


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
        self._sending = _IDLE
        self._waiting = 0  # whose buffer waits to be sent, one bit a device
        self._kept_for = _ALL  # who may send, so, too
        self._until = _LINE_ENDS
        self._whole_lines = 0  # nobody else's bytes may break their lines; so, too
        self._within_line = False  # what went out last of the others
        self._said = 0  # transmissions of those that send whole lines, before anybody else's
        self._receive_buffer = receive_buffer
        self._listening = False  # the hardware receives into it
        self._receiving = 0  # who has ever received, one bit a device
        self._receptions = Receptions()
        self._called = False  # by a device, which is no time to call another's client
        self._devices: "list[list[Any]]" = []
        self._patience = patience  # without one nobody's lines are waited for
        self._waits = False  # it is set
        if patience is not None:
            patience.set_client(self._waited)
        uart.set_client(self)

    def new_device(self, whole_lines: bool = False) -> UartDevice:
        """Make one more device; only while the board is wired."""
        device = UartDevice(self, len(self._devices))
        self._devices.append([None, None, 0, None])
        self._receptions.new_user()
        if whole_lines:
            self._whole_lines |= 1 << device.number
            if self._patience is not None:
                self._keep(self._whole_lines, _SILENT)
        return device

    def _set_client(self, index: int, transmitted: "Callable[..., None]", received: "Callable[..., None]") -> None:
        self._devices[index][_TRANSMITTED] = callback(transmitted)
        self._receptions.set_client(index, callback(received))

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
        waiting = self._waiting & self._kept_for
        if waiting != self._waiting and (not waiting or not self._kept_for & self._whole_lines):
            self._wait()
        if not waiting:
            return
        turn = self._turn
        for _ in self._devices:
            turn += 1
            if turn == len(self._devices):
                turn = 0
            if not waiting >> turn & 1:
                continue
            device = self._devices[turn]
            buffer = device[_OUT]
            if buffer is not None and device[_OUT_LENGTH]:
                self._turn = turn
                if self._waits and self._kept_for & self._whole_lines:
                    self._wait_no_more()
                if self._uart.transmit(buffer, device[_OUT_LENGTH]):
                    self._sending = _BEGUN  # before this was cut short just behind it
                    return
                self._sending = _BEGUN
                self._waiting &= ~(1 << turn)
                return

    def _keep(self, devices: int, until: int) -> None:
        """From now on the line is kept for these, one bit each."""
        self._kept_for = devices
        self._until = until
        if self._waits:
            self._wait_no_more()

    def _wait(self) -> None:
        """Somebody is kept waiting: by others' line since now, by one that sends whole lines while that is silent."""
        if self._patience is not None and not self._waits and self._until != _RELEASED:
            self._patience.set_alarm(int((self._patience.frequency + 255999) // 256000) * _PATIENCE_MS)
            self._waits = True

    def _wait_no_more(self) -> None:
        self._waits = False
        if self._patience is not None:
            self._patience.disarm()

    def _waited(self) -> None:
        """From the alarm: the line is now theirs who have been kept waiting."""
        self._waits = False
        others = self._waiting & ~self._kept_for
        if others and self._until != _RELEASED:
            self._keep(others, _LINE_ENDS)
        self._transmit_next()

    def hold(self, number: int) -> None:
        """From now on let only this device's transmissions begin; -1: everybody's. For the multiplexer's own capsule."""
        if number >= 0:
            self._keep(1 << number, _RELEASED)
        else:
            self._keep(~self._whole_lines if self._within_line and self._patience is not None else _ALL, _LINE_ENDS)
        self._transmit_next()

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """From the hardware; once more if this was cut short, though perhaps not before it had begun with the next."""
        if status and not self._sending:
            self._transmit_next()
            return
        turn = self._turn
        if self._devices[turn][_OUT] is not buffer:
            turn = self._sender(buffer)
        if turn >= 0:
            device = self._devices[turn]
            mine = device[_OUT_LENT]
            if not device[_OUT_LENGTH]:
                if take_back(buffer, mine):
                    self._sending = _TELLING
                    call_client(device[_TRANSMITTED], mine, length, 0)
            elif self._sending != _TELLING:  # else it has been told, and has begun the next
                device[_OUT_LENGTH] = 0
                buffer.give_back()
                self._line_went(turn, mine[length - 1] == _LINE_END)
                self._sending = _TELLING
                call_client(device[_TRANSMITTED], mine, length, 0)
            if not device[_OUT_LENGTH]:  # the client has begun nothing else
                device[_OUT] = None
                if self._until == _SILENT or (self._patience is None and self._until == _LINE_ENDS):
                    self._keep(_ALL, _LINE_ENDS)
        self._sending = _IDLE
        self._transmit_next()

    def _line_went(self, number: int, ended: bool) -> None:
        """What a device has sent has gone out, and ended a line or not."""
        whole = self._whole_lines >> number & 1
        if not whole:
            self._within_line = not ended
        if self._until == _LINE_ENDS and self._kept_for >> number & 1:
            if ended:
                self._keep(_ALL, _LINE_ENDS)
            elif whole:
                self._keep(1 << number, _LINE_ENDS)
            elif self._patience is not None and self._kept_for != ~self._whole_lines:
                self._keep(~self._whole_lines, _LINE_ENDS)
        elif self._until == _SILENT:
            self._said += 1  # a program may have the kernel print, and never be silent
            if self._said >= _FIRST_SAID and ended:
                self._keep(_ALL, _LINE_ENDS)

    def _sender(self, buffer: Buffer) -> int:
        """Whose buffer this is, if the turn is not its any more."""
        for index in range(len(self._devices)):
            if self._devices[index][_OUT] is buffer:
                return index
        return -1

    # -- Receiving --------------------------------------------------------------------------------

    def _receive(self, index: int, buffer: Buffer, length: int, least: int) -> None:
        self._receptions.check(index, buffer, length)
        self._stop()  # what this device asks for begins after what has come in
        self._receptions.begin(index, buffer, length, least)
        self._receiving |= 1 << index
        self._receive_next()

    def _abort(self, index: int) -> None:
        """End one device's reception, go on for the rest."""
        if self._receptions.room(index):
            self._stop()
            self._receptions.cancel(index)
            self._hand_out_later()
            self._receive_next()

    def _stop(self) -> None:
        """Stop the hardware and share out what has come in."""
        if self._listening:
            self._called = True
            self._uart.receive_abort()  # received()
            self._called = False

    def _receive_next(self) -> None:
        """Receive as many bytes as the device that wants fewest, unless it is done already."""
        receptions = self._receptions
        fewest = least = 0
        for index in range(len(self._devices)):
            room = receptions.room(index) if self._receiving >> index & 1 else 0
            if room:
                if fewest == 0 or room < fewest:
                    fewest = room
                missing = receptions.missing(index)
                if least == 0 or missing < least:
                    least = missing
        if fewest and not self._listening:
            buffer = self._receive_buffer
            fewest = min(fewest, len(buffer))
            self._uart.receive(buffer, fewest, min(least, fewest))
            self._listening = True

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the hardware; once more if this was cut short, as above."""
        if self._listening or status != ErrorCode.ALREADY:
            receptions = self._receptions
            for index in range(len(self._devices)):
                room = receptions.room(index) if self._receiving >> index & 1 else 0
                if room:
                    receptions.fill(index, buffer, 0, min(length, room))
            self._listening = False
        if self._called:
            self._hand_out_later()
        else:
            self._hand_out()

    def _hand_out(self) -> None:
        """Give those whose reception is over what has come in, and go on; once more if this was cut short."""
        for index in range(len(self._devices)):
            if self._receiving >> index & 1 and self._receptions.is_over(index):
                self._receptions.finish(index)
        self._receive_next()

    def go_on(self) -> None:
        """With what was cut short. For the multiplexer's own capsule."""
        self._receive_next()
        self._transmit_next()
