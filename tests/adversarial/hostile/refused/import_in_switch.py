# refused: CP003
"""An import hidden under an option."""

import config

if config.CAPSULE_LED:
    import uctypes
