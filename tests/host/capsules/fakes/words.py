"""How the C side turns Python's integers into machine words."""


def integer(value: object) -> int:
    """mp_obj_get_int(): an integer that fits a machine word."""
    if not isinstance(value, int):
        raise TypeError(f"can't convert {type(value).__name__} to int")
    if not -(1 << 31) <= value < 1 << 31:
        raise OverflowError("overflow converting long int to machine word")
    return int(value)


def truncated(value: object) -> int:
    """mp_obj_get_int_truncated(): the lower 32 bits of any integer."""
    if not isinstance(value, int):
        raise TypeError(f"can't convert {type(value).__name__} to int")
    return value & 0xFFFFFFFF


def unsigned(value: object) -> int:
    """mp_obj_get_int() kept in a mp_uint_t."""
    return integer(value) & 0xFFFFFFFF


def signed(value: int) -> int:
    """The word that a function compiled to machine words sees."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
