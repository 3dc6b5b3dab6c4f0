"""The board's own number, which no other board has (driver 0x30006, permission "eui64").

    from adder import eui64
    print(hex(eui64.read()))
"""


def read() -> int:
    """The number, of 64 bits."""
    ...
