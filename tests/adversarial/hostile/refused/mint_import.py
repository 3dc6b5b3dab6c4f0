# refused: CP004
"""A capsule that makes its own powers."""

import mint
