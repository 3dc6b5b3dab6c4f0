# refused: CP003
"""A package, and through it all of its modules."""

import capsules.core.led
