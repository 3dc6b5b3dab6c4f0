# refused: CP003
"""The trusted module itself, to change what others get from it."""

import kernel
