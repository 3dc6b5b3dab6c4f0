# refused: CP001
"""A statement behind an import: the build rewrites import lines as a whole."""

from kernel import log; X = 1
