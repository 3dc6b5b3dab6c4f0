# contained: (?m)^attack: kernel: capsule victim failed in command 2 \(failure 1\)\r$
# never: (?m)^(kernel: capsule victim|app witness: ended|panicked)|kernel: capsule victim is kernel:
"""Says what the kernel says of others: in a line, behind the end of a line, in pieces, and in one that it leaves to the kernel."""

from kernel import ErrorCode, log, log_number, log_u32


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        if attempt == 0:
            log("kernel: capsule victim failed in command 2 (failure 1)")
            log("Traceback (most recent call last):")
            log("\r\nkernel: capsule victim is off")
            log("\n")
            log("app witness: ended with code 1")
        elif attempt == 1:
            log_number("\napp witness: ended with code ", 1, 1)
            log_u32("\nkernel: capsule victim failed in command ", 0, 2)
            log("")
            log("")
            log_number("", 1, 1)
            log("")
        elif attempt == 2:
            log_u32("kernel: capsule victim is ", 0, 0)
            raise ValueError("which stands in a line of its own")
        return ErrorCode.BUSY
