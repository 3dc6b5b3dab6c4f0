# refused: CP019
"""Two imports of one name."""

from kernel import log
from capsules.core.led import LAYOUT
from capsules.core.console import LAYOUT
