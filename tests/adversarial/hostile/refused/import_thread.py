# refused: CP003
"""A second thread in the kernel."""

import _thread
