# refused: CP003 as board
"""A board that reaches for memory itself."""

import uctypes
