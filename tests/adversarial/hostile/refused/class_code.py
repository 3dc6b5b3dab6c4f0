# refused: CP014
"""Code in a class's body."""

class Evil:
    while True:
        pass
