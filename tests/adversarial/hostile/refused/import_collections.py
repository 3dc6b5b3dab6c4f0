# refused: CP003
"""A deque, whose iterator outlives its memory."""

import collections
