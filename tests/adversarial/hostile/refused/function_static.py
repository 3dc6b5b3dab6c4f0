# refused: CP015
"""A method whose first parameter is what the caller says."""

class Evil:
    @staticmethod
    def run(self):
        return 1
