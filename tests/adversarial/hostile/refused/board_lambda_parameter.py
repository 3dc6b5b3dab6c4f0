# refused: CP002 as board
"""A recipe that takes an argument: a recipe is called with none."""

import mint

mint.build("x", lambda a: 1)
