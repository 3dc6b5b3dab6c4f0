# refused: CP022
"""Another driver number than the docstring's.

Driver number 0x8

Command
    0 exists -> success
"""

DRIVER_NUM = 7


class Evil:
    def command(self, number, first, second, process):
        if number == 0:
            return 0
        return 2
