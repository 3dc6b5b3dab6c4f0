# refused: CP003
"""A name that a module gets only when it runs."""

from capsules.core.led import Secret
