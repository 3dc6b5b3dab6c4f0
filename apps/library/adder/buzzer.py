"""A buzzer (driver 0x90000, permission "buzzer"). Tones of several apps sound one after the other.

    from adder import buzzer
    buzzer.tone(440, 200)
"""

import syscall
from adder import upcall

_DRIVER = const(0x90000)
_TONE = const(1)
_LONGEST = const(5000)


def _player():
    return upcall.requests(_DRIVER, 0)


def tone(frequency: int, milliseconds: int) -> None:
    """Sound for so long, at most 5,000; blocks until it is over. Raises SyscallError INVAL if there is no such frequency."""
    upcall.checked(_player().ask(_TONE, syscall.natural(frequency), syscall.natural(milliseconds, _LONGEST)))


async def play(frequency: int, milliseconds: int) -> None:
    """For `await`: the same."""
    upcall.checked(await _player().get(_TONE, syscall.natural(frequency), syscall.natural(milliseconds, _LONGEST)))
