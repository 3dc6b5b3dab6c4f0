"""Makes Tock binaries for tests."""

from adder.tbf import Header, Main, PackageName, Tbf


def make_tbf(name: str, size: int = 512, binary: bytes = b"", **header: object) -> bytes:
    """A TBF of exactly `size` bytes."""
    tlvs = (Main(0, 0, 512), PackageName(name), *header.pop("tlvs", ()))
    made = Header(size, tlvs, **header)
    return Tbf(made, binary=binary.ljust(size - made.size, b"\0")).encode()
