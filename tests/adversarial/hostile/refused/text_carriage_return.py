# refused: CP001
"""A carriage return in a comment: code for a parser that takes it for a line's end."""

# harmless  import mint
X = 1
