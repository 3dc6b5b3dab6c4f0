"""Several users of one HIL Pwm, each with pins of its own."""

from kernel import ErrorCode, shared

from capsules.hil.pwm import Pwm


class PwmShare:
    """Some of the pins; a HIL Pwm itself, whose pins count from 0."""

    def __init__(self, mux: "PwmMux", first: int, count: int) -> None:
        self._pulse, self._stop = mux.shared
        self._first = first
        self._count = count
        self._fastest = mux.fastest

    def pins(self) -> int:
        return self._count

    def maximum_frequency(self) -> int:
        return self._fastest

    def pulse(self, pin: int, frequency: int, duty: int) -> int:
        if not 0 <= pin < self._count:
            return ErrorCode.INVAL
        status: int = self._pulse(self._first + pin, frequency, duty)
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
