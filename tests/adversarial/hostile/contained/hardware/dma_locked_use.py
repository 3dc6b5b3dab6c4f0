# contained: hardware is using the buffer
"""Uses a buffer in every way but copying from it, which is harmless, while the hardware has it."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim
        self._grant = powers.grant
        self._log = None

    def attack(self, number, attempt, second, process):
        if attempt == 0:
            self._registers.start_dma("copy", self._buffer, 8)
        if self._other.copy(0, self._buffer, 0, 8) != 8:
            return ErrorCode.FAIL
        for step in range(10):
            try:
                self.use(step, self._grant.enter(process).read_write(0))
                return SUCCESS
            except RuntimeError:
                pass
        return self._buffer[0]

    def use(self, step, view):
        if step == 0:
            return self._buffer[0]
        if step == 1:
            self._buffer[0] = 1
        elif step == 2:
            return len(self._buffer)
        elif step == 3:
            return self._buffer.copy(0, b"12345678", 0, 8)
        elif step == 4:
            return self._buffer.copy(0, self._other, 0, 8)
        elif step == 5:
            return self._buffer.copy(0, self._buffer, 0, 8)
        elif step == 6:
            self._buffer.window(0, 4)
        elif step == 7:
            return view.read(0, self._buffer, 0, 8)
        elif step == 8:
            return view.write(0, self._buffer, 0, 8)
        elif step == 9:
            return self._registers.start_dma("copy", self._buffer, 8)
        else:
            return self._victim.fill(self._buffer)
