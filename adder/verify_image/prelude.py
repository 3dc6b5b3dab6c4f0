"""The head of a function, as MicroPython encodes it (py/bc.h)."""

from dataclasses import dataclass

from adder.errors import AdderError


@dataclass(frozen=True)
class Prelude:
    """What is said of bytecode, or of machine code that is called as Python's functions are."""

    state: int  # words for its locals and its stack
    exceptions: int  # entries of the stack of exception handlers
    positional: int
    defaults: int
    cells: tuple[int, ...]  # locals that become cells
    length: int


def read_prelude(data: bytes, qstrs: int) -> Prelude:
    """Decode it as MP_BC_PRELUDE_SIG_DECODE and MP_BC_PRELUDE_SIZE_DECODE do; none of it may lie beyond `data`."""
    try:
        return _read(data, qstrs)
    except IndexError:
        raise AdderError("a function's head is longer than the function.") from None


def _read(data: bytes, qstrs: int) -> Prelude:
    byte, at = data[0], 1
    state, exceptions, flags, positional, keywords, defaults = byte >> 3 & 15, byte >> 2 & 1, 0, byte & 3, 0, 0
    n = 0
    while byte & 0x80:
        byte, at = data[at], at + 1
        state |= (byte & 0x30) << 2 * n
        exceptions |= (byte & 2) << n
        flags |= (byte >> 6 & 1) << n
        positional |= (byte & 4) << n
        keywords |= (byte >> 3 & 1) << n
        defaults |= (byte & 1) << n
        n += 1
    state += 1
    information, cells, n, byte = 0, 0, 0, 0x80
    while byte & 0x80:
        byte, at = data[at], at + 1
        cells |= (byte & 1) << n
        information |= (byte >> 1 & 0x3F) << 6 * n
        n += 1
    end = at + information
    for _ in range(1 + positional):  # the function's name, and its parameters'
        number, byte = 0, 0x80
        while byte & 0x80:
            byte, at = data[at], at + 1
            number = number << 7 | byte & 0x7F
        if number >= qstrs:
            raise AdderError(f"a function's head names qstr {number} of {qstrs}.")
    locals_ = tuple(data[end + n] for n in range(cells))
    if at > end or flags or keywords or defaults > positional or positional > state or any(n >= state for n in locals_):
        raise AdderError("a function's head says what Capsule Python cannot say.")
    return Prelude(state, exceptions, positional, defaults, locals_, end + cells)
