# refused: CP003
"""A module that exists on the host alone."""

import ctypes
