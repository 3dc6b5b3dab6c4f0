# contained: -
"""Has its lines call the victim's methods and its own powers."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._line = powers.line
        self._hardware = powers.hardware
        self._victim = powers.victim
        self._buffer = powers.buffer

    def attack(self, number, attempt, second, process):
        handlers = (
            self._victim.lend,
            self._line.disable,
            self._hardware.trigger,
            self._line.trigger,
            self._buffer.give_back,
        )
        self._hardware.enable(handlers[attempt])
        self._line.enable(self._hardware.trigger if attempt < 3 else self._buffer.give_back)
        self._line.trigger()
        return ErrorCode.BUSY
