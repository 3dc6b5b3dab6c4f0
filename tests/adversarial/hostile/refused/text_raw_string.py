# refused: CP001
"""A raw string, whose end the two lexers could see in different places."""

X = r"\"
