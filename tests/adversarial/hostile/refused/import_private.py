# refused: CP003
"""What another module keeps to itself."""

from capsules.core.console import _READ
