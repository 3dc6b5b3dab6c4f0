# refused: CP001
"""An old octal number, read as decimal by a lax parser."""

X = 0777
