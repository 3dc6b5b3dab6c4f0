# refused: CP003
"""A whole module: its attributes can then be assigned."""

from capsules.core import led
