# refused: CP013
"""A constant that is computed by a call."""

class Box:
    def run(self):
        return 1


X = (Box().run(),)
