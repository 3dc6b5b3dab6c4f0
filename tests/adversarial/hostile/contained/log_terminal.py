# contained: panicke
"""Writes what looks like the kernel's last words, and what a terminal takes for commands."""

from kernel import ErrorCode, log, log_u32


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        log("\npanicke\b\bed: not at all\x1b[2J\x07")
        log("".join([chr(c) for c in range(1, 120)]))
        log_u32("%s%n%d", 1 << 70, -1)
        return ErrorCode.FAIL
