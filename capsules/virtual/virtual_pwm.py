"""Several users of one HIL Pwm, each with pins of its own."""

from typing import Callable

from kernel import Callback, ErrorCode, call_client, callback, shared

from capsules.hil.pwm import Pwm


class PwmShare:
    """Some of the pins; a HIL Pwm itself, whose pins count from 0."""

    def __init__(self, mux: "PwmMux", first: int, count: int) -> None:
        self._pulse, self._stop = mux.shared
        self._first = first
        self._count = count
        self._fastest = mux.fastest
        self._clients = mux.clients
        self._index = len(mux.clients)
        mux.clients.append(None)

    def set_client(self, let_go: "Callable[[], None]") -> None:
        """let_go() is to stop the pulses that nobody needs any more: they are in the way of another share."""
        self._clients[self._index] = callback(let_go)

    def pins(self) -> int:
        return self._count

    def maximum_frequency(self) -> int:
        return self._fastest

    def pulse(self, pin: int, frequency: int, duty: int) -> int:
        if not 0 <= pin < self._count:
            return ErrorCode.INVAL
        status: int = self._pulse(self._first + pin, frequency, duty)
        if status == ErrorCode.RESERVE:
            for client in self._clients:
                call_client(client)
            status = self._pulse(self._first + pin, frequency, duty)
        return status

    def stop(self, pin: int) -> int:
        if not 0 <= pin < self._count:
            return ErrorCode.INVAL
        status: int = self._stop(self._first + pin)
        return status


class PwmMux:
    """Hands out the pins of a Pwm, one after the other."""

    def __init__(self, pwm: Pwm) -> None:
        self._pwm = pwm
        self.shared = (shared(self._pulse), shared(self._stop))  # for its shares
        self.fastest = pwm.maximum_frequency()
        self.clients: "list[Callback | None]" = []  # of the shares
        self._taken = 0

    def new_share(self, count: int) -> PwmShare:
        """The next pins; only while the board is wired."""
        first = self._taken
        self._taken = first + count
        return PwmShare(self, first, count)

    def _pulse(self, pin: int, frequency: int, duty: int) -> int:
        return self._pwm.pulse(pin, frequency, duty)

    def _stop(self, pin: int) -> int:
        return self._pwm.stop(pin)
