# refused: CP018
"""Statements within statements."""

class Evil:
    def run(self, other):
        if other.f(0):
            if other.f(1):
                if other.f(2):
                    if other.f(3):
                        if other.f(4):
                            if other.f(5):
                                if other.f(6):
                                    if other.f(7):
                                        if other.f(8):
                                            if other.f(9):
                                                if other.f(10):
                                                    if other.f(11):
                                                        if other.f(12):
                                                            if other.f(13):
                                                                return 1
