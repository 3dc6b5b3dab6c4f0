"""Analog inputs (driver 0x5, permission "adc"). A sample is a number of 16 bits, whatever the converter's resolution.

    from adder import adc
    print(adc.volts(adc.read(0)))
    for sample in adc.fill(0, 1000, 50): ...
"""

from array import array

import syscall
from adder import upcall

_DRIVER = const(0x5)
_SAMPLE = const(1)
_FILL = const(3)
_VOLTAGE = const(102)
_UPCALL = const(1)


def _converter():
    return upcall.requests(_DRIVER, _UPCALL)


def _lend(driver, _, buffer):
    syscall.allow_rw(driver, 0, buffer)


def _sample(answer):
    # One that failed has more than 16 bits.
    if answer[2] > 0xFFFF:
        raise syscall.SyscallError(syscall.FAIL, "the converter has failed")
    return answer[2]


def _filled(answer, taken):
    if answer[1] >> 8 != len(taken):
        raise syscall.SyscallError(syscall.FAIL, "the converter took fewer samples")
    return memoryview(taken)


def count() -> int:
    """How many channels there are."""
    return syscall.command(_DRIVER, 0)


def read(channel: int) -> int:
    """One sample, 0 to 65,535; blocks. Raises SyscallError INVAL if there is no such channel, NOMEM if another app samples on and on."""
    return _sample(_converter().ask(_SAMPLE, syscall.natural(channel)))


async def get(channel: int) -> int:
    """For `await`: the same."""
    return _sample(await _converter().get(_SAMPLE, syscall.natural(channel)))


def _room(samples):
    if not syscall.natural(samples):
        raise ValueError("at least one sample is wanted")
    return array("H", bytearray(2 * samples))


def fill(channel: int, frequency: int, samples: int) -> memoryview:
    """So many samples, `frequency` a second; blocks. Raises SyscallError INVAL if the converter has no such frequency."""
    taken = _room(samples)
    return _filled(_converter().ask(_FILL, syscall.natural(channel), frequency, _lend, syscall.bytes_of(taken)), taken)


async def get_filled(channel: int, frequency: int, samples: int) -> memoryview:
    """For `await`: the same."""
    taken = _room(samples)
    answer = await _converter().get(_FILL, syscall.natural(channel), frequency, _lend, syscall.bytes_of(taken))
    return _filled(answer, taken)


def volts(sample: int) -> float:
    """What a sample means. Raises SyscallError NOSUPPORT if nobody knows."""
    return syscall.natural(sample, 0xFFFF) * syscall.command(_DRIVER, _VOLTAGE, 0) / 65536000
