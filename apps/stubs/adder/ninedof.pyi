"""Acceleration, rotation and magnetic field (driver 0x60004, permission "ninedof"). Each is read with `read()`, which blocks, or
`await get()`.

    from adder.ninedof import acceleration
    x, y, z = acceleration.read()

`acceleration`: thousandths of the earth's. `magnetic_field`: microtesla. `rotation`: thousandths of a degree a second.
"""


class Axes:
    """One sensor, by the number of the driver's command for it."""
    def __init__(self, command: int) -> None: ...
    def read(self) -> tuple[int, int, int]:
        """Measure x, y and z; blocks. Raises SyscallError NODEVICE if there is no such sensor, or no permission."""
        ...
    async def get(self) -> tuple[int, int, int]:
        """For `await`: the same."""
        ...
acceleration: Axes
magnetic_field: Axes
rotation: Axes
