# refused: CP020
"""What an exception carries."""


class Evil:
    def run(self, other):
        n = 0
        try:
            other.run()
        except ValueError as error:
            n = error % (0,)
        return n
