# refused: CP003
"""One name of a forbidden module."""

from struct import pack_into
