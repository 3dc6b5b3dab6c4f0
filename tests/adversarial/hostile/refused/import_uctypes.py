# refused: CP003
"""Reads and writes any address."""

import uctypes
