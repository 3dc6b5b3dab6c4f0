# refused: CP022
"""A command that only a helper method knows.

Driver number 0x7

Command
    0 exists -> success
"""

DRIVER_NUM = 7


class Evil:
    def command(self, number, first, second, process):
        return self.other(first, number)

    def other(self, first, which):
        if which == 9:
            return 1
        return 0
