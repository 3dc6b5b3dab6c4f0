"""MicroPython's module `micropython`, as far as the kernel's Python uses it."""

def const(value: int, /) -> int:
    """The number itself. The build folds it into the code, so it must be computable from literals."""
