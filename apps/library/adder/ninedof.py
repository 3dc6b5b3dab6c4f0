"""Acceleration, rotation and magnetic field (driver 0x60004, permission "ninedof"). Each is read with `read()`, which blocks, or
`await get()`.

    from adder.ninedof import acceleration
    x, y, z = acceleration.read()

`acceleration`: thousandths of the earth's. `magnetic_field`: microtesla. `rotation`: thousandths of a degree a second.
"""

import syscall
from adder import upcall

_DRIVER = const(0x60004)
_NO_VALUE = const(0x80000000)


def _sensors():
    return upcall.requests(_DRIVER, 0)


def _signed(values):
    if values[0] == values[1] == _NO_VALUE:
        raise syscall.SyscallError(syscall.FAIL, "the sensor does not answer")
    x, y, z = [value - (1 << 32) if value >> 31 else value for value in values]
    return x, y, z


class Axes:
    """One sensor, by the number of the driver's command for it."""

    def __init__(self, command: int) -> None:
        self._command = command

    def read(self) -> "tuple[int, int, int]":
        """Measure x, y and z; blocks. Raises SyscallError NODEVICE if there is no such sensor, or no permission."""
        return _signed(_sensors().ask(self._command))

    async def get(self) -> "tuple[int, int, int]":
        """For `await`: the same."""
        return _signed(await _sensors().get(self._command))


acceleration = Axes(1)
magnetic_field = Axes(100)
rotation = Axes(200)
