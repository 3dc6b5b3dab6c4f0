# contained: attack: started[\s\S]*attack: failing[\s\S]*attack: started\s+kernel: capsule attack was made again \(1 of
# policy: RESTART
"""Fails at its first command: what its recipe makes again is started again, before it serves anybody."""

from kernel import SUCCESS, ErrorCode, log


class Attack:
    def __init__(self, powers):
        self._started = False

    def start(self):
        self._started = True
        log("attack: started")

    def attack(self, number, attempt, second, process):
        if not self._started:
            return SUCCESS
        if attempt == 0:
            log("attack: failing")
            raise ValueError("once")
        return ErrorCode.BUSY
