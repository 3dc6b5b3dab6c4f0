# refused: CP003
"""Streams that call back into Python from C."""

import io
