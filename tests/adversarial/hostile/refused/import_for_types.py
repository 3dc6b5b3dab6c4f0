# refused: CP003
"""An import hidden under TYPE_CHECKING."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sys
