# refused: CP003
"""The board, with all the powers it holds."""

import board
