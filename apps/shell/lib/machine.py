"""What mpremote looks for in `machine`. Hardware is the kernel's: `adder.led`, `adder.gpio` and others ask it."""

import time

import syscall
import uctypes


class RTC:
    """The date and time: the board's, if it has a clock that goes on without power (adder.date_time), and this app's."""

    def datetime(self, moment=None):
        """(year, month, day, weekday, hour, minute, second, subsecond); with one, set it."""
        if moment is None:
            year, month, day, hour, minute, second, weekday, _ = time.localtime()
            return year, month, day, weekday, hour, minute, second, 0
        year, month, day, _, hour, minute, second = moment[:7]
        syscall.set_time(time.mktime((year, month, day, hour, minute, second, 0, 0)))
        try:
            from adder import date_time

            date_time.set(year, month, day, hour, minute, second)
        except syscall.SyscallError as error:
            if error.errno not in (syscall.NODEVICE, syscall.NOACK):
                raise

    def read(self):
        """Take over what the board's clock says."""
        from adder import date_time

        year, month, day, hour, minute, second, _, _ = date_time.read()
        syscall.set_time(time.mktime((year, month, day, hour, minute, second, 0, 0)))


class _Memory:
    def __init__(self, size):
        self._size = size

    def __getitem__(self, address):
        return int.from_bytes(uctypes.bytes_at(address, self._size), "little")

    def __setitem__(self, address, value):
        uctypes.bytearray_at(address, self._size)[:] = (value & (1 << 8 * self._size) - 1).to_bytes(self._size, "little")


mem8, mem16, mem32 = _Memory(1), _Memory(2), _Memory(4)


def soft_reset():
    """Begin this app's interpreter anew; nobody else notices."""
    raise SystemExit


def reset():
    """Begin this app anew, its memory too; nobody else notices. The board can't be reset by an app."""
    syscall.restart()
