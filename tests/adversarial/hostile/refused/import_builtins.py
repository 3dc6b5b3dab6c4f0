# refused: CP003
"""The built-in functions by another way."""

import builtins
