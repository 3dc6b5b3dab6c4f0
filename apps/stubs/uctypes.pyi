"""Memory as it is: whatever lies at an address."""

from typing import Any

LITTLE_ENDIAN: int
BIG_ENDIAN: int
NATIVE: int
UINT8: int
INT8: int
UINT16: int
INT16: int
UINT32: int
INT32: int
UINT64: int
INT64: int
FLOAT32: int
FLOAT64: int
VOID: int
ARRAY: int
PTR: int

def addressof(object: Any, /) -> int: ...
def bytes_at(address: int, size: int, /) -> bytes: ...
def bytearray_at(address: int, size: int, /) -> bytearray: ...
def sizeof(object: Any, layout: int = ..., /) -> int: ...

class struct:
    def __init__(self, address: int, descriptor: dict[str, Any], layout: int = ..., /) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
