"""Analog inputs (driver 0x5, permission "adc"). A sample is a number of 16 bits, whatever the converter's resolution.

    from adder import adc
    print(adc.volts(adc.read(0)))
    for sample in adc.fill(0, 1000, 50): ...
"""


def count() -> int:
    """How many channels there are."""
    ...

def read(channel: int) -> int:
    """One sample, 0 to 65,535; blocks. Raises SyscallError INVAL if there is no such channel, NOMEM if another app samples on and on."""
    ...

async def get(channel: int) -> int:
    """For `await`: the same."""
    ...

def fill(channel: int, frequency: int, samples: int) -> memoryview:
    """So many samples, `frequency` a second; blocks. Raises SyscallError INVAL if the converter has no such frequency."""
    ...

async def get_filled(channel: int, frequency: int, samples: int) -> memoryview:
    """For `await`: the same."""
    ...

def volts(sample: int) -> float:
    """What a sample means. Raises SyscallError NOSUPPORT if nobody knows."""
    ...
