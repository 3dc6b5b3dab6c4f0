# refused: CP022
"""A command that the docstring does not mention.

Driver number 0x7

Command
    0 exists -> success
"""

DRIVER_NUM = 7


class Evil:
    def command(self, number, first, second, process):
        if number == 0:
            return 0
        if number == 7:
            return 1
        return 2
