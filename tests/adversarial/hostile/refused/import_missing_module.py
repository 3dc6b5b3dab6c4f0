# refused: CP003
"""A module that is not there when it is verified."""

from capsules.core.nothing import Thing
