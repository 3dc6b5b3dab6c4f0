"""What can only be seen in the compiled code: how much stack a function takes, and how long it is.

The interpreter checks the stack when a function is called, before the function takes its frame. The check leaves a
margin (MICROPY_STACK_CHECK_MARGIN), into which a frame and what it calls in C have to fit. In a very long function
the native emitter would cut off the address of an exception handler.
"""

import re
from collections.abc import Iterator

LARGEST_FRAME = 320
"""Bytes."""

LONGEST_FUNCTION = 16384
"""Bytes."""

_FUNCTION = re.compile(
    r"^// frozen native code for file (\S+), scope (\S+)\n"
    r"static const byte \w+\[(\d+)\][^{]*\{\s*((?:0x[0-9a-f]{2},\s*){4,8})",
    re.MULTILINE,
)
_PUSH = 0xB5  # push {..., lr}: Armv7-M A7.7.101, encoding T1
_SUBTRACT = 0xB0  # sub sp, #imm7 * 4: A7.7.177, encoding T1


def check_machine_code(frozen: str) -> Iterator[str]:
    """Complaints about the functions in mpy-tool's output."""
    for found in _FUNCTION.finditer(frozen):
        file, scope, size = found[1], found[2], int(found[3])
        code = bytes.fromhex(re.sub(r"0x|,\s*", "", found[4]))
        begin = 4 if len(code) == 8 and code[5] == _PUSH else 0  # the native emitter puts an offset first
        instructions = code[begin : begin + 4]
        known = len(instructions) == 4 and instructions[1] == _PUSH and instructions[3] == _SUBTRACT
        frame = (instructions[2] & 0x7F) * 4 if known and instructions[2] & 0x80 else None
        if frame is None or frame > LARGEST_FRAME:
            taken = "more than 508" if frame is None else str(frame)
            yield f"{file}: '{scope}' takes {taken} bytes of stack, {LARGEST_FRAME} are allowed; use fewer locals."
        if size > LONGEST_FUNCTION:
            yield f"{file}: '{scope}' has {size} bytes, {LONGEST_FUNCTION} are allowed; split the function."
