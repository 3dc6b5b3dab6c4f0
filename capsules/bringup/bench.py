"""Runs the tests of a bring-up one after the other: docs/bring-up.md.

A test has a name, and a limit in milliseconds; `begin()` begins it. When it has said all to the report, it tells that with
`done(name)`. One that is not done within its limit has failed, and the next one begins.
"""

from typing import Any

from kernel import InterruptLine
from micropython import const

from capsules.bringup.report import Report
from capsules.hil.time import Alarm

_PAUSE_MS = const(12)  # as long as a line takes on the console


class Bench:
    """Has the tests in their order."""

    def __init__(self, report: Report, alarm: Alarm, line: InterruptLine, board: str, tests: "tuple[Any, ...]") -> None:
        self._report = report
        self._alarm = alarm
        self._ticks_per_ms = (int(alarm.frequency) >> 8) // 1000 + 1
        self._line = line
        self._board = board
        self._tests = tests
        self._index = -1
        self._waits = False  # for the test to be done
        report.set_client(self._done)
        alarm.set_client(self._fired)
        line.enable(self._next)

    def start(self) -> None:
        self._report.start()
        self._report.say("bring-up of " + self._board)
        self._line.trigger()

    def _next(self) -> None:
        self._index += 1
        if self._index >= len(self._tests):
            if self._index == len(self._tests):
                self._report.end(True)
            return
        test = self._tests[self._index]
        self._report.begin(self._index + 1)
        self._waits = True
        self._alarm.set_alarm(int(test.limit) * int(self._ticks_per_ms))
        test.begin()

    def _done(self, name: str) -> None:
        if self._waits and self._tests[self._index].name == name:
            self._waits = False
            self._alarm.set_alarm(_PAUSE_MS * int(self._ticks_per_ms))

    def _fired(self) -> None:
        if self._waits:
            test = self._tests[self._index]
            self._waits = False
            self._report.checked(test.name, False, f"nothing came within {test.limit} ms")
        self._next()
