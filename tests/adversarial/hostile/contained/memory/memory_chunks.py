# contained: MemoryError|TimeOut
"""Takes all memory in chunks as large as allowed, then in smaller ones."""


class Attack:
    def __init__(self, powers):
        self._kept = ()

    def attack(self, number, attempt, second, process):
        size = 448
        while size > 0:
            try:
                while True:
                    self._kept = (self._kept, "".join(["x" for _ in range(size)]))
            except MemoryError:
                size = size // 2
        raise MemoryError("all is mine")
