# refused: CP023
"""An annotation of several lines."""

def f(
    a: "tuple[int, "
    "int]",
):
    return a
