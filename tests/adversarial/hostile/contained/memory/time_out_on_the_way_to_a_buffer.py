# contained: its recipe, try 1
# never: a text as long as
# emit: bytecode
"""A time-out in the middle of Buffer(): from then on, objects might be of any size."""

from cells import Buffer
from kernel import ErrorCode, log_u32


class Attack:
    def __init__(self, powers):
        powers.alarm.set_client(self._fired)
        powers.alarm.set_alarm(50000)
        text = "a" + "aaaaaaaaaaaaaaa"
        self._hay = "".join([text for _ in range(31)])
        self._large = None
        hay = self._hay
        found = 0
        for _ in range(7):
            found = hay.find("aaaaaaaaaaaaaa" + "b")
        while True:
            try:
                while True:
                    found = hay.find("aaaaaaaaaaaaaaab")
                    self._large = Buffer(1)
            except MemoryError:
                found = found + 1

    def _fired(self):
        text = self._hay
        try:
            while len(text) < 60000:
                text = text + text
                self._large = text
        except MemoryError:
            self._large = text
        log_u32("a text as long as 0x", 0, len(text))

    def attack(self, number, attempt, second, process):
        return ErrorCode.FAIL
