# refused: CP013
"""const of what is no number."""

from micropython import const

X = const("abc")
