# refused: CP003
"""A module that nobody listed."""

import errno
