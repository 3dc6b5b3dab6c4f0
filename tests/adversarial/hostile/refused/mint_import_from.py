# refused: CP004
"""One power is enough."""

from mint import registers
