# refused: CP004
"""Powers, under the pretence of a type."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mint
