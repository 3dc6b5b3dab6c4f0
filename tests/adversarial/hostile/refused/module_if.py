# refused: CP013
"""A definition that depends on something."""

import config

if config.CAPSULE_LED:
    X = 1
