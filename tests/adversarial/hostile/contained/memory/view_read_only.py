# contained: TypeError
"""Writes to what the process allowed to be read only."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant
        self._buffer = powers.buffer

    def attack(self, number, attempt, second, process):
        view = self._grant.enter(process).read_only(0)
        for step in range(3):
            try:
                if step == 0:
                    view[0] = 1
                elif step == 1:
                    view.write(0, self._buffer, 0, 1)
                else:
                    view.write_u32(0, 0)
                return SUCCESS
            except TypeError:
                pass
            except IndexError:
                pass
        view.write(0, self._buffer, 0, 1)
        return SUCCESS
