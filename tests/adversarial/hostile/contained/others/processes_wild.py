# contained: ValueError: no process
"""Asks for processes that do not exist."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._processes = powers.processes
        self._buffer = powers.buffer

    def attack(self, number, attempt, second, process):
        control = self._processes
        for slot in (-1, 3, 6, 7, 255, 1 << 16, (1 << 30) - 1, 1 << 30, 1 << 31, 1 << 32, 1 << 64, None, "0"):
            try:
                control.restart(slot)
                return SUCCESS
            except Exception:
                pass
            try:
                control.fact(slot, "id")
                return SUCCESS
            except Exception:
                pass
        for name in ("", "no such fact", "tbf", 0, None, b"id"):
            try:
                control.fact(0, name)
                if name != b"id":
                    return SUCCESS
            except (ValueError, TypeError):
                pass
        for n in (-1, 19, 20, 255, 1 << 30, (1 << 30) - 1):
            if control.register(0, n) is not None:
                return SUCCESS
        for wrong in (None, self, b"name", self._buffer):
            try:
                control.write_name(0, wrong)
                return SUCCESS
            except TypeError:
                pass
        return control.name(5)
