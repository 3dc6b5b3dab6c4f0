# refused: CP003
"""Changes what the parser takes."""

from __future__ import annotations
