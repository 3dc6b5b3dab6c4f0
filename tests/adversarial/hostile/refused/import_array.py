# refused: CP003
"""An array whose huge size overflows, and which resizes under a memoryview."""

import array
