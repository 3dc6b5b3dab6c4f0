# contained: TimeOut
"""Uses up its time in two pieces, the second in a callback of its own, and goes on for ever.

The moment at which the budget is spent falls between two ticks of the clock.
"""

from kernel import call_client


class Attack:
    def __init__(self, powers):
        self._now = powers.alarm.now

    def attack(self, number, attempt, second, process):
        self.work()
        call_client(self.work)
        while True:
            pass

    def work(self):
        start = self._now()
        while ((self._now() - start) & 0xFFFFFF) < 6500:  # 67 ms of 100
            pass
