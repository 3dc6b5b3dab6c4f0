# refused: CP003
"""The file system."""

import os
