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
                                                                if other.f(14):
                                                                    if other.f(15):
                                                                        if other.f(16):
                                                                            if other.f(17):
                                                                                if other.f(18):
                                                                                    if other.f(19):
                                                                                        if other.f(20):
                                                                                            if other.f(21):
                                                                                                if other.f(22):
                                                                                                    if other.f(23):
                                                                                                        if other.f(24):
                                                                                                            if other.f(25):
                                                                                                                return 1
