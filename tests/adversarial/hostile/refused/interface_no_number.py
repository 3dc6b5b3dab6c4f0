# refused: CP022
"""No driver number at all.

Command
    0 exists -> success
"""

DRIVER_NUM = 7


class Evil:
    def command(self, number, first, second, process):
        if number == 0:
            return 0
        return 2
