# contained: TypeError
"""Logs what is no text, with too little and too much."""

from kernel import SUCCESS, log, log_u32


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        for wrong in (None, 1, (1,), ["text"], self, process, b"bytes"):
            try:
                log_u32(wrong, 0, 0)
                if wrong != b"bytes":
                    return SUCCESS
            except TypeError:
                pass
        try:
            log_u32("text", None, "1")
            return SUCCESS
        except TypeError:
            pass
        log(1)
        return SUCCESS
