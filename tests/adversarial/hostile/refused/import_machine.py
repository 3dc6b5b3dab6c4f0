# refused: CP003
"""mem32 is all of the memory."""

import machine
