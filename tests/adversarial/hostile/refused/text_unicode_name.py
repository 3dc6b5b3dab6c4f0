# refused: CP001
"""A name that only looks like another: one parser folds it, the other does not."""

LIMIT = 1
LéMIT = 2
