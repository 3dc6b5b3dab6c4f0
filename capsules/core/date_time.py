"""Date and time for user programs.

Driver number 0x90007 (Tock: capsules/extra/src/date_time.rs). Both are packed, as capsules/hil/date_time.py says.

Command
    0 exists            -> success
    1 get               -> success, BUSY if this process is waiting for an answer already, NOMEM, or what the clock refuses it with
    2 set    date time  -> success, the same; INVAL if there is no such date or time, or the clock has no such year

Subscribe
    0 done: (status, date, time)  status 0; FAIL: the clock stood still; or another error of the clock's. After 2, date and
                                  time are 0
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.date_time import DateTime
from capsules.parts.process_queue import ProcessQueue

DRIVER_NUM = const(0x90007)

LAYOUT = Layout(upcalls=1, u32=3, answers=1, asks=b"\x01\x00\x02\x00")

# Commands
_EXISTS = const(0)
_GET = const(1)
_SET = const(2)

_ASKS = const(0)  # the command that is to be answered, or 0
_DATE = const(1)
_TIME = const(2)

_DAYS = b"\x1f\x1d\x1f\x1e\x1f\x1e\x1f\x1f\x1e\x1f\x1e\x1f"


def _is_date(date: int) -> bool:
    year = date >> 9
    month = date >> 5 & 0xF
    day = date & 0x1F
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1] or year > 0xFFF:
        return False
    leap = year & 3 == 0 and (int(year) % 100 != 0 or int(year) % 400 == 0)
    return leap or month != 2 or day < 29


def _is_time(time: int) -> bool:
    return time >> 20 == 0 and time >> 17 < 7 and time >> 12 & 0x1F < 24 and time >> 6 & 0x3F < 60 and time & 0x3F < 60


class DateTimeDriver:
    """Asks the clock for one process after the other; all that read it share what was read."""

    def __init__(self, clock: DateTime, grant: Grant) -> None:
        self._clock = clock
        self._grant = grant
        self._queue = ProcessQueue(grant, _ASKS, self._begin, self._answer)
        clock.set_client(self)

    def command(self, number: int, date: int, time: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _GET:
            return self._ask(process, _GET, 0, 0)
        if number == _SET:
            if date >> 21 or time >> 20:
                return ErrorCode.INVAL
            return self._ask(process, _SET, date, time)
        return ErrorCode.NOSUPPORT

    def _ask(self, process: ProcessId, asks: int, date: int, time: int) -> "CommandReturn | int":
        if asks == _SET and not (_is_date(date) and _is_time(time)):
            return ErrorCode.INVAL
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[_ASKS]:
            return ErrorCode.BUSY
        entry[_DATE] = date
        entry[_TIME] = time
        status = self._queue.ask(entry, process.slot, asks)
        return status if status else SUCCESS

    def _begin(self, entry: Entry, asks: int) -> int:
        """Have the clock do it. 0 or an ErrorCode."""
        return self._clock.read() if asks == _GET else self._clock.set(entry[_DATE], entry[_TIME])

    def _answer(self, entry: Entry, status: int) -> None:
        entry[_ASKS] = 0
        entry.schedule_upcall(0, status, 0, 0)

    def got(self, date: int, time: int, status: int) -> None:
        """From the clock."""
        self._queue.over()
        for slot in range(self._grant.SLOTS):
            entry = self._grant.entry(slot)
            if entry is not None and entry[_ASKS] == _GET:
                entry[_ASKS] = 0
                entry.schedule_upcall(0, status, date, time)
        self._queue.go_on()

    def was_set(self, status: int) -> None:
        """From the clock."""
        setter = self._queue.over()
        if setter is not None:
            self._answer(setter, status)
        self._queue.go_on()
