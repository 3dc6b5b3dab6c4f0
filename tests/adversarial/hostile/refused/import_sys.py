# refused: CP003
"""sys.modules holds every module of the kernel."""

import sys
