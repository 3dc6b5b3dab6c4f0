# refused: CP019
"""A class that passes for Layout: its instance is shared by the module's users."""

class Layout:
    def __init__(self, x):
        self.x = x

    def put(self, x):
        self.x = x


BOX = Layout(x=1)
