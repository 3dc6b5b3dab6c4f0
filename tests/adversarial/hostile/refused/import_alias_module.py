# refused: CP003
"""Another name for the options."""

import config as options
