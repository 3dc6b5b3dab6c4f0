# refused: CP022
"""No table of commands.

Driver number 0x7
"""

DRIVER_NUM = 7


class Evil:
    def command(self, number, first, second, process):
        if number == 0:
            return 0
        return 2
