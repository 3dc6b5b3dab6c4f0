# refused: CP003
"""The name of the trusted module, read from itself."""

from kernel import __name__
