"""A buzzer (driver 0x90000, permission "buzzer"). Tones of several apps sound one after the other.

    from adder import buzzer
    buzzer.tone(440, 200)
"""


def tone(frequency: int, milliseconds: int) -> None:
    """Sound for so long, at most 5,000; blocks until it is over. Raises SyscallError INVAL if there is no such frequency."""
    ...

async def play(frequency: int, milliseconds: int) -> None:
    """For `await`: the same."""
    ...
