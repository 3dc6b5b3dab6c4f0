# refused: CP013
"""A buffer of the module: memory that everybody shares."""

from cells import Buffer

BUFFER = Buffer(64)
