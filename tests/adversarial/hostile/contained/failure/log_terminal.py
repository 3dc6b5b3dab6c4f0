# contained: ValueError: \?\[2J\?kernel: capsule victim is off\?
"""Writes what looks like the kernel's last words, and what a terminal takes for commands; fails with such a text."""

from kernel import log, log_u32


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        log("\npanicke\b\bed: not at all\x1b[2J\x07")
        log("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0b\x0c\x0d\x0e\x0f\x11\x13\x18\x1a\x1b\x1f\x7f\x80\x9b\xff")
        log_u32("%s%n%d", 1 << 70, -1)
        raise ValueError("\x1b[2J\nkernel: capsule victim is off\x07")
