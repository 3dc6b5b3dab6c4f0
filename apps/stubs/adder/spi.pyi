"""An SPI bus with one chip on it, which the board chooses (driver 0x20001, permission "spi"). The first app that uses it has it
for as long as it lives: the others get SyscallError NOMEM.

    from adder import spi
    spi.configure(1_000_000)
    answer = spi.exchange(bytes([0x9f, 0, 0, 0]))

The chip is selected from the first byte of a call to its last.
"""


def configure(rate: int, polarity: int = 0, phase: int = 0) -> int:
    """What transfers are like from now on; returns the rate in Hz, the highest that there is up to `rate`.

    `polarity` 1: the clock rests high. `phase` 1: the second edge of each clock samples. Raises SyscallError INVAL if there is no
    such rate.
    """
    ...

def exchange(data: bytes) -> bytes:
    """Send the bytes of `data`, and return what comes in meanwhile; blocks."""
    ...

def write(data: bytes) -> None:
    """Send the bytes of `data`; blocks."""
    ...

def read(count: int) -> bytes:
    """So many bytes; what is sent meanwhile is 0xFF; blocks."""
    ...

async def swap(data: bytes) -> bytes:
    """For `await`: as exchange()."""
    ...

async def send(data: bytes) -> None:
    """For `await`: as write()."""
    ...

async def get(count: int) -> bytes:
    """For `await`: as read()."""
    ...
