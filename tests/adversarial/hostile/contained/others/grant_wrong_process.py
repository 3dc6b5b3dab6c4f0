# contained: -
"""Enters its grant with what is no process."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant

    def attack(self, number, attempt, second, process):
        for wrong in (
            None,
            0,
            1,
            -1,
            1 << 40,
            "0",
            (process,),
            [process],
            self,
            self._grant,
            self._grant.enter(process),
            self._grant.enter,
        ):
            try:
                if self._grant.enter(wrong) is not None:
                    return SUCCESS
            except TypeError:
                pass
        return ErrorCode.FAIL
