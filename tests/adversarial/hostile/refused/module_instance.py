# refused: CP013
"""An object of the module, with state that everybody shares."""

class Box:
    def set_it(self, x):
        self.x = x


BOX = Box()
