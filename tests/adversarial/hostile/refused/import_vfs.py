# refused: CP003
"""Mounts a file system."""

import vfs
