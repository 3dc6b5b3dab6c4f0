"""An SPI bus with one chip on it, which the board chooses (driver 0x20001, permission "spi"). The first app that uses it has it
for as long as it lives: the others get SyscallError NOMEM.

    from adder import spi
    spi.configure(1_000_000)
    answer = spi.exchange(bytes([0x9f, 0, 0, 0]))

The chip is selected from the first byte of a call to its last.
"""

import syscall
from adder import upcall

_DRIVER = const(0x20001)
_TRANSFER = const(2)
_SET_RATE = const(5)
_RATE = const(6)
_SET_PHASE = const(7)
_SET_POLARITY = const(9)
_READ = const(11)


def _bus():
    return upcall.requests(_DRIVER, 0)


def _lend(driver, _, buffers):
    out, into = buffers or (None, None)
    syscall.allow_ro(driver, 0, out)
    syscall.allow_rw(driver, 0, into)


def _whole(answer, length):
    if answer[0] != length:
        raise syscall.SyscallError(syscall.FAIL, "the transfer was cut short")


def configure(rate: int, polarity: int = 0, phase: int = 0) -> int:
    """What transfers are like from now on; returns the rate in Hz, the highest that there is up to `rate`.

    `polarity` 1: the clock rests high. `phase` 1: the second edge of each clock samples. Raises SyscallError INVAL if there is no
    such rate.
    """
    polarity, phase = syscall.natural(polarity, 1), syscall.natural(phase, 1)
    for number, value in ((_SET_RATE, syscall.natural(rate)), (_SET_POLARITY, polarity), (_SET_PHASE, phase)):
        syscall.command(_DRIVER, number, value)
    return syscall.command(_DRIVER, _RATE)


def exchange(data: bytes) -> bytes:
    """Send the bytes of `data`, and return what comes in meanwhile; blocks."""
    view = syscall.bytes_of(data)
    into = bytearray(len(view))
    _whole(_bus().ask(_TRANSFER, len(view), 0, _lend, (view, into)), len(view))
    return bytes(into)


def write(data: bytes) -> None:
    """Send the bytes of `data`; blocks."""
    view = syscall.bytes_of(data)
    _whole(_bus().ask(_TRANSFER, len(view), 0, _lend, (view, None)), len(view))


def read(count: int) -> bytes:
    """So many bytes; what is sent meanwhile is 0xFF; blocks."""
    into = bytearray(syscall.natural(count))
    _whole(_bus().ask(_READ, count, 0, _lend, (None, into)), count)
    return bytes(into)


async def swap(data: bytes) -> bytes:
    """For `await`: as exchange()."""
    view = syscall.bytes_of(data)
    into = bytearray(len(view))
    _whole(await _bus().get(_TRANSFER, len(view), 0, _lend, (view, into)), len(view))
    return bytes(into)


async def send(data: bytes) -> None:
    """For `await`: as write()."""
    view = syscall.bytes_of(data)
    _whole(await _bus().get(_TRANSFER, len(view), 0, _lend, (view, None)), len(view))


async def get(count: int) -> bytes:
    """For `await`: as read()."""
    into = bytearray(syscall.natural(count))
    _whole(await _bus().get(_READ, count, 0, _lend, (None, into)), count)
    return bytes(into)
