"""Buttons (driver 0x3, permission "button"), numbered from 0. A number that the board does not have raises SyscallError INVAL."""


def count() -> int:
    """How many buttons the board has."""
    ...

def is_pressed(button: int = 0) -> bool:
    """Whether it is down now."""
    ...

def wait_pressed(button: int = 0) -> None:
    """Block until the button goes down."""
    ...

def wait_released(button: int = 0) -> None:
    """Block until the button goes up."""
    ...

async def pressed(button: int = 0) -> None:
    """For `await`: the button goes down."""
    ...

async def released(button: int = 0) -> None:
    """For `await`: the button goes up."""
    ...
