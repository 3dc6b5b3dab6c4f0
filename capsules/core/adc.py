"""An analog-to-digital converter for user programs. A sample is a number of 16 bits, left-justified.

Driver number 0x5 (Tock: doc/syscalls/00005_adc.md). Single samples are taken for one process after the other. Who samples again and
again has the converter until it stops or ends: the others get NOMEM.

Command
    0   count                      -> success_u32(number of channels)
    1   sample   channel           -> success, INVAL if there is no such channel, BUSY if this process samples already, NOMEM
    2   repeat   channel frequency -> success, INVAL; also if there is no such frequency; BUSY, NOMEM
    3   fill     channel frequency -> success, the same; one buffer. NOMEM without one
    4   refill   channel frequency -> success, the same; both buffers in turn. NOMEM unless there are both
    5   stop                       -> success, NOMEM
    101 bits     channel           -> success_u32(how many of a sample's upper bits say something), NODEVICE if there is no such channel
    102 voltage  channel           -> success_u32(what full scale means, in millivolts), NODEVICE, NOSUPPORT if nobody knows

Subscribe
    0 the same as 1, for older programs; where Tock has a buffer's address, this has its number
    1 sampled: (0 or 1, channel, sample)                 after 1: 0; for each sample of 2: 1. -2^31 if the converter has failed
      filled:  (2 or 3, channel | samples << 8, buffer)  after 3: 2; for each buffer of 4: 3. Of fewer samples than the buffer has
                                                         room for if the converter has failed; no more follow

Allow read-write
    0 a buffer for samples of two bytes, the lower first
    1 another one
"""

from cells import Buffer
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId, success_u32
from micropython import const

from capsules.hil.adc import Adc
from capsules.parts.process_queue import ProcessQueue

DRIVER_NUM = const(0x5)

LAYOUT = Layout(upcalls=2, read_write=2, u32=2, answers=2, asks=b"\x01\x01\x03\x01")

# Commands
_COUNT = const(0)
_SAMPLE = const(1)
_REPEAT = const(2)
_FILL = const(3)
_REFILL = const(4)
_STOP = const(5)
_BITS = const(101)
_VOLTAGE = const(102)

_WAITS = const(0)  # 1 from the command for a single sample to its upcall
_CHANNEL = const(1)

_SINGLE_MODE = const(0)
_REPEAT_MODE = const(1)
_FILL_MODE = const(2)
_REFILL_MODE = const(3)

_ENDLESS = const(0x1FFFFFFF)

_NO_SAMPLE = const(-0x80000000)  # those who take 16 bits of it see 0


class AdcDriver:
    """Has the converter sample for one process at a time, into buffers of its own where there are many."""

    def __init__(self, adc: Adc, grant: Grant, first: Buffer, second: Buffer) -> None:
        self._adc = adc
        self._channels = adc.channels()
        self._grant = grant
        self._queue = ProcessQueue(grant, _WAITS, self._begin_single, self._refuse)
        self._first = first
        self._second = second
        self._owner: "Entry | None" = None  # who samples again and again
        self._is_single = False  # a single sample is under way
        self._mode = _SINGLE_MODE
        self._channel = 0
        self._into = 0  # which of the owner's buffers is being filled
        self._at = 0  # bytes of it
        self._wanted = 0  # bytes in all,
        self._left = 0  # and samples that the converter has no place for yet
        adc.set_client(self)

    def command(self, number: int, channel: int, frequency: int, process: ProcessId) -> "CommandReturn | int":
        if number == _COUNT:
            return success_u32(self._channels)
        if number == _SAMPLE:
            return self._sample(process, channel)
        if number < 0 or number > _VOLTAGE:
            return ErrorCode.NOSUPPORT
        if number == _BITS or number == _VOLTAGE:
            return self._property(number, channel)
        if number <= _STOP:
            return self._stream(number, channel, frequency, process)
        return ErrorCode.NOSUPPORT

    def _property(self, number: int, channel: int) -> "CommandReturn | int":
        if not 0 <= channel < self._channels:
            return ErrorCode.NODEVICE
        if number == _BITS:
            return success_u32(self._adc.resolution_bits())
        millivolts = self._adc.reference_millivolts()
        return success_u32(millivolts) if millivolts else ErrorCode.NOSUPPORT

    # -- Single samples --

    def _sample(self, process: ProcessId, channel: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if self._is_owned():
            return ErrorCode.BUSY if entry is self._owner else ErrorCode.NOMEM
        if entry[_WAITS]:
            return ErrorCode.BUSY
        if not 0 <= channel < self._channels:
            return ErrorCode.INVAL
        entry[_CHANNEL] = channel
        status = self._queue.ask(entry, process.slot, 1)
        return status if status else SUCCESS

    def _begin_single(self, entry: Entry, what: int) -> int:
        status = self._adc.sample(entry[_CHANNEL])
        self._is_single = status == 0
        return status

    def _refuse(self, entry: Entry, status: int) -> None:
        """Its turn has come, and the converter refuses."""
        entry[_WAITS] = 0
        self._tell(entry, _SINGLE_MODE, entry[_CHANNEL], _NO_SAMPLE)

    def sampled(self, sample: int, status: int) -> None:
        """From the converter."""
        owner = self._owner
        if status:
            sample = _NO_SAMPLE
        if self._mode == _REPEAT_MODE:
            if owner is None or not owner.alive():
                self._end()
            else:
                self._tell(owner, _REPEAT_MODE, self._channel, sample)
            return
        self._is_single = False
        entry = self._queue.over()
        if entry is not None:
            entry[_WAITS] = 0
            self._tell(entry, _SINGLE_MODE, entry[_CHANNEL], sample)
        self._queue.go_on()

    def _tell(self, entry: Entry, mode: int, what: int, value: int) -> None:
        entry.schedule_upcall(0, mode, what, value)
        entry.schedule_upcall(1, mode, what, value)

    # -- Many samples --

    def _is_owned(self) -> bool:
        """Whether somebody samples again and again; one who has ended does not."""
        owner = self._owner
        if owner is None:
            return False
        if not owner.alive():
            self._end()
            return False
        return True

    def _stream(self, number: int, channel: int, frequency: int, process: ProcessId) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None or (self._is_owned() and self._owner is not entry):
            return ErrorCode.NOMEM
        if number == _STOP:
            self._end()
            return SUCCESS
        if self._owner is not None or self._is_single:
            return ErrorCode.BUSY
        if number == _REPEAT:
            status = self._adc.sample_continuous(channel, frequency)
        else:
            room = len(entry.read_write(0)) // 2
            if room == 0 or (number == _REFILL and len(entry.read_write(1)) < 2):
                return ErrorCode.NOMEM
            self._left = room if number == _FILL else _ENDLESS
            self._wanted = self._left + self._left
            status = self._begin(channel, frequency)
        if status:
            return status
        self._mode = number - _SAMPLE
        self._channel = channel
        self._into = 0
        self._at = 0
        self._owner = entry
        return SUCCESS

    def _begin(self, channel: int, frequency: int) -> int:
        adc = self._adc
        first = self._first.move(adc)
        count = min(len(first) // 2, self._left)
        status = adc.sample_buffers(channel, frequency, first, count)
        if status:
            first.give_back()
            return status
        if self._left != _ENDLESS:
            self._left -= count
        self._provide(self._second)
        return 0

    def _provide(self, buffer: Buffer) -> int:
        """0, or why the converter does not take it."""
        if self._left == 0:
            return 0
        lent = buffer.move(self._adc)
        count = min(len(lent) // 2, self._left)
        status = self._adc.provide_buffer(lent, count)
        if status:
            lent.give_back()
        elif self._left != _ENDLESS:
            self._left -= count
        return status

    def filled(self, buffer: Buffer, count: int, status: int) -> None:
        """From the converter."""
        buffer = buffer.give_back()
        owner = self._owner
        if owner is None:  # it is being stopped
            return
        if not owner.alive():
            self._end()
            return
        if status == 0:
            self._hand_out(owner, buffer, 2 * int(count))
        # OFF: it had no buffer to go on with, so it has stopped.
        if self._owner is not None and (status or self._provide(buffer) == ErrorCode.OFF):
            self._finish(owner)

    def _hand_out(self, owner: Entry, buffer: Buffer, length: int) -> None:
        done = 0
        while done < length:
            view = owner.read_write(self._into)
            size = min(len(view) & ~1, self._wanted)  # it may be another one by now
            moved = view.write(self._at, buffer, done, min(length - done, size - self._at)) if size > self._at else 0
            done += moved
            self._at += moved
            if self._at < size:
                continue
            if self._mode == _FILL_MODE or size == 0:
                self._finish(owner)
                return
            self._tell(owner, _REFILL_MODE, self._channel | self._at // 2 << 8, self._into)
            self._into = 1 - self._into
            self._at = 0

    def _finish(self, owner: Entry) -> None:
        """The last buffer, as far as it was filled."""
        mode = self._mode
        self._end()
        self._tell(owner, mode, self._channel | self._at // 2 << 8, self._into)

    def _end(self) -> None:
        """The converter is everybody's again."""
        was = self._owner is not None
        self._owner = None
        self._mode = _SINGLE_MODE
        if was:
            self._adc.stop()
