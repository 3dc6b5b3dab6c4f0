# refused: CP001
"""A form feed, which sets the indentation back in one parser."""

X = 1
Y = 2
