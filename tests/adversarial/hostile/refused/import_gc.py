# refused: CP003
"""Collects, or switches collection off."""

import gc
