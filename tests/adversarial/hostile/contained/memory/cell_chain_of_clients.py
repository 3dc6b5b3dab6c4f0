# contained: RuntimeError
"""A chain of cells that begins behind a client's call."""

from cells import TakeCell
from kernel import ErrorCode, call_client


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        cells = [TakeCell(None) for _ in range(100)]
        for k in range(98):
            cells[k].put(cells[k + 2].map)
        return ErrorCode.BUSY if call_client(cells[0].map, cells[1].map) else ErrorCode.FAIL
