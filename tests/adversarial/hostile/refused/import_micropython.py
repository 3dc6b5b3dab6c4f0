# refused: CP003
"""The module itself, with its decorators and its heap lock."""

import micropython
