# refused: CP003
"""pack_into writes into any buffer."""

import struct
