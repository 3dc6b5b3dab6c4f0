# refused: CP003
"""A relative import, past the list of names."""

from . import led
