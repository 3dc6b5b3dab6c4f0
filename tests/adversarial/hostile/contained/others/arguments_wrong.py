# contained: TypeError
"""Calls the core's methods with names for their arguments, and with too many and too few."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        won = 0
        for step in range(14):
            try:
                self.use(step, process)
                won += 1
            except TypeError:
                pass
        if won:
            return SUCCESS
        return self.use(0, process)

    def use(self, step, process):
        grant, registers, buffer = self._powers.grant, self._powers.registers, self._powers.buffer
        if step == 0:
            return registers.read(offset=0)
        if step == 1:
            return registers.read()
        if step == 2:
            return registers.write(0)
        if step == 3:
            return registers.field(0, 0)
        if step == 4:
            return registers.field(0, 0, 1, True, 1)
        if step == 5:
            return registers.start_dma("copy", buffer)
        if step == 6:
            return grant.enter(process, process)
        if step == 7:
            return grant.enter(process=process)
        if step == 8:
            return grant.entry()
        if step == 9:
            return buffer.copy(0, b"bytes", 0)
        if step == 10:
            return buffer.move()
        if step == 11:
            return grant.enter(process).schedule_upcall(0, 1, 2)
        if step == 12:
            return grant.enter(process).schedule_upcall(0, 1, 2, 3, 4, 5)
        return grant.enter(process).alive(1)
