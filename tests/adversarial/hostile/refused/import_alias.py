# refused: CP003
"""Another name for a class, to get around the rules for classes."""

from kernel import ErrorCode as Errors
