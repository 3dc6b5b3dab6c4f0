"""Watches apps that are on trial, and decides: they stay, or what was there before them comes back.

They have failed if one has faulted or been started again, has no process, or has computed for half of the time without a
system call. Nobody else is touched; and if the board is reset meanwhile, they have failed, too (app_store.py).
"""

from kernel import ProcessControl, log
from micropython import const

from capsules.hil.time import Alarm
from capsules.virtual.app_store import KEPT, TRIAL, AppStore

# What has become of the last one.
NONE = const(0)
RUNS = const(1)
PASSED = const(2)
FAULTED = const(3)
NOT_THERE = const(4)
HUNG = const(5)

_TICKS = const(10)  # a second
_YIELDED = (1, 2, 4)  # ProcessControl.state: it waits, or has ended by itself
_STATE_FAULTED = const(3)
_STATES = const(7)


class Trial:
    """A client of the store."""

    def __init__(self, store: AppStore, processes: ProcessControl, alarm: Alarm) -> None:
        self._settle, self._apps, self._flags_of, self._slot_of = store.settle_trial, store.apps, store.flags_of, store.slot_of
        self._client = store.new_client(self._told)
        self._fact, self._state_of = processes.fact, processes.state
        self._alarm = alarm
        self._step = int(alarm.frequency >> 8) // _TICKS
        self._next = 0  # ticks that the next one is to last
        self._ticks = 0  # that are left
        self._silent = [0 for _ in range(processes.SLOTS)]  # in which each process has made no system call,
        self._calls = [0 for _ in range(processes.SLOTS)]
        self._patience = 0  # and how many may be
        self._deciding = False
        self.state = NONE
        alarm.set_client(self._tick)

    def prepare(self, seconds: int) -> None:
        """The next commit begins one; 0: it does not."""
        self._next = int(seconds) * _TICKS

    def begin(self) -> None:
        """A commit is done."""
        if self._next:
            self._ticks = self._next
            self._patience = max(self._next // 2, 1)
            self._next = 0
            for slot in range(len(self._silent)):
                self._silent[slot] = self._calls[slot] = 0
            self._deciding = False
            self.state = RUNS
            self._alarm.set_alarm(self._step)

    def seconds(self) -> int:
        """That are left."""
        return (self._ticks + _TICKS - 1) // _TICKS

    def _tick(self) -> None:
        if self.state == RUNS and not self._deciding:
            self._ticks -= 1
            verdict = self._look()
            if verdict == RUNS and self._ticks <= 0:
                verdict = PASSED
            if verdict != RUNS:
                self._ticks = 0
                self._deciding = True
                self.state = verdict
        if self._deciding:
            if self._settle(self._client, self.state == PASSED) == 0:
                return
        elif self.state != RUNS:
            return
        self._alarm.set_alarm(self._step)

    def _look(self) -> int:
        """How those that are on trial are: RUNS, or why they have failed."""
        verdict = RUNS
        for app in range(self._apps()):
            if self._flags_of(app) & (TRIAL | KEPT) == TRIAL:
                slot = self._slot_of(app)
                if slot < 0:
                    return NOT_THERE
                state = self._state_of(slot) & _STATES
                if state == _STATE_FAULTED or self._fact(slot, "restarts"):
                    return FAULTED
                calls = self._fact(slot, "syscalls") & 0xFFFFFF
                self._silent[slot] = 0 if state in _YIELDED or calls != self._calls[slot] else self._silent[slot] + 1
                self._calls[slot] = calls
                if self._silent[slot] >= self._patience:
                    verdict = HUNG
        return verdict

    def _told(self, status: int) -> None:
        """From the store."""
        if status:
            self._alarm.set_alarm(self._step)  # again
            return
        self._deciding = False
        if self.state != PASSED:
            log("what was on trial has failed; what was there before it is back")
