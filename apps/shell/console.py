"""Tock's process console: its commands, and what it prints, character for character where Adder has the same facts.

Commands are told by how they begin, as there; `shell` leads to the prompt.
"""

import struct

import repl
import syscall
from names import shown

_INFO = const(0x10002)
_COUNT = const(1)
_IDENTIFIERS = const(2)
_SHORT = const(3)
_NAME = const(4)
_STATS = const(5)
_CONTROL = const(6)
_FACTS = const(101)
_PANIC = const(102)

_START = const(1)
_STOP = const(2)
_FAULT = const(3)
_TERMINATE = const(4)
_BOOT = const(5)

_CTRL_A = const(1)
_LONGEST = const(64)

_STATES = ("Running", "Yielded", "YieldedFor", "Faulted", "Terminated")

_VALID = (
    "Valid commands are: help status list stop start fault boot terminate process kernel reset panic "
    "console-start console-stop shell"
)


def _ask(number, a=0, b=0, size=0):
    buffer = bytearray(size)
    syscall.allow_rw(_INFO, 0, buffer)
    try:
        return buffer, syscall.command(_INFO, number, a, b)
    finally:
        syscall.allow_rw(_INFO, 0, None)


def _words(number, a=0, count=16):
    buffer, found = _ask(number, a, 0, 4 * count)
    return struct.unpack("<%dI" % min(found, count), buffer)


class _Process:
    def __init__(self, identifier, short):
        self.identifier = identifier
        self.short = short
        buffer, length = _ask(_NAME, identifier, 0, 64)
        self.name = shown(buffer[: min(length, 64)])

    def look(self):
        self.quanta, self.syscalls, self.restarts, _ = _words(_STATS, self.identifier)
        self.facts = _words(_FACTS, self.identifier)
        state = self.facts[14]
        self.state = _STATES[state & 7]
        if state & 8:
            self.state = "Stopped(%s)" % self.state
        return self

    def row(self):
        self.look()
        short = "0x%-8x " % self.short if self.short else "Unique     "
        return " %-7d%s%-20s%6d%10d%10d   ?/ ?   %s" % (
            self.identifier, short, self.name, self.quanta, self.syscalls, self.restarts, self.state,
        )

    def overview(self):
        self.look()
        queued, dropped, completed, code, ram, end, brk, grants, stack, heap, sp, flash, flash_end, start, state = self.facts
        last = "Yield" if state & 7 in (1, 2) else "?"
        done = code - (code >> 31 << 32) if completed else "Faulted" if state & 7 == 3 else "None"
        line = "\u2500" * 43
        yield "\U0001d400\U0001d429\U0001d429: %s   -   [%s]" % (self.name, self.state)
        yield " Events Queued: %d   Syscall Count: %d   Dropped Upcall Count: %d" % (queued, self.syscalls, dropped)
        yield " Restart Count: %d" % self.restarts
        yield " Last Syscall: %s" % last
        yield " Completion Code: %s" % done
        yield "\n"
        yield " \u2554" + "\u2550" * 11 + "\u2564" + "\u2550" * 42 + "\u2557"
        yield " \u2551  Address  \u2502 Region Name    Used | Allocated (bytes)  \u2551"
        yield " \u255a0x%08X\u2550\u256a" % end + "\u2550" * 42 + "\u255d"
        yield "             \u2502 \u25bc Grant      %6d" % (end - grants)
        yield "  0x%08X \u253c%s" % (grants, line)
        yield "             \u2502 Unused"
        yield "  0x%08X \u253c%s" % (brk, line)
        if ram < stack <= heap <= brk:
            used, allowed = brk - heap, grants - heap
            yield "             \u2502 \u25b2 Heap       %6d | %6d%s     S" % (used, allowed, _exceeded(used, allowed))
            yield "  0x%08X \u253c%s R" % (heap, line)
            yield "             \u2502 Data         %6d | %6d               A" % (heap - stack, heap - stack)
            yield "  0x%08X \u253c%s M" % (stack, line)
            used, allowed = stack - sp, stack - ram
            yield "             \u2502 \u25bc Stack      %6d | %6d%s" % (used, allowed, _exceeded(used, allowed))
        else:
            yield "             \u2502 \u25b2 Heap            ? |      ?               S"
            yield "  ?????????? \u253c%s R" % line
            yield "             \u2502 Data              ? |      ?               A"
            yield "  ?????????? \u253c%s M" % line
            yield "             \u2502 \u25bc Stack           ? |      ?"
        yield "  0x%08X \u253c%s" % (sp, line)
        yield "             \u2502 Unused"
        yield "  0x%08X \u2534%s" % (ram, line)
        yield "             ....."
        yield "  0x%08X \u252c%s F" % (flash_end, line)
        yield "             \u2502 App Flash    %6d                        L" % (flash_end - start)
        yield "  0x%08X \u253c%s A" % (start, line)
        yield "             \u2502 Protected    %6d                        S" % (start - flash)
        yield "  0x%08X \u2534%s H" % (flash, line)


def _exceeded(size, allocated):
    return " EXCEEDED!" if size > allocated else "          "


def _processes():
    count = _ask(_COUNT)[1]
    short = _words(_SHORT, 0, count)
    for identifier, short_id in zip(_words(_IDENTIFIERS, 0, count), short):
        try:
            yield _Process(identifier, short_id)
        except syscall.SyscallError:
            pass  # it has gone meanwhile


def _looked_at(look):
    for process in _processes():
        try:
            found = look(process)
        except syscall.SyscallError:
            continue  # it has ended, or begun anew, since its number was asked for
        yield found


def _control(names, what, told):
    for process in _processes():
        if process.name in names:
            try:
                syscall.command(_INFO, _CONTROL, process.identifier, what)
            except syscall.SyscallError:
                continue  # `boot` of one that runs
            if told:
                print(told % process.name)


def _list(_):
    print(" PID    ShortID    Name                Quanta  Syscalls  Restarts  Grants  State")
    for row in _looked_at(_Process.row):
        print(row)


def _status(_):
    all = list(_looked_at(_Process.look))
    print("Total processes: %d" % len(all))
    print("Active processes: %d" % sum(process.state in _STATES[:3] for process in all))
    print("Timeslice expirations: %d" % sum(process.quanta for process in all))


def _process(names):
    for process in _processes():
        if process.name in names:
            try:
                for line in process.overview():
                    print(line)
            except syscall.SyscallError:
                print("It has just ended.")
            return


def _help(_):
    print("Welcome to the process console.")
    print(_VALID)


def _kernel(_):
    print("Kernel version: 2.2 (build Adder)")


def _reset(_):
    print("Reset function is not implemented")


def _panic(_):
    try:
        syscall.command(_INFO, _PANIC)
    except syscall.SyscallError:
        print("This kernel is configured so that no program may force a panic.")


def _start(names):
    _control(names, _START, "Process %s resumed.")


def _stop(names):
    _control(names, _STOP, "Process %s stopped")


def _fault(names):
    _control(names, _FAULT, "Process %s now faulted")


def _terminate(names):
    _control(names, _TERMINATE, "Process %s terminated")


def _boot(names):
    _control(names, _BOOT, None)


# In Tock's order: the first that the line begins with.
_COMMANDS = (
    ("help", _help), ("start", _start), ("stop", _stop), ("fault", _fault), ("terminate", _terminate), ("boot", _boot),
    ("list", _list), ("status", _status), ("process", _process), ("kernel", _kernel), ("reset", _reset), ("panic", _panic),
)  # fmt: skip


def run():
    """Serve the process console until somebody types `shell`."""
    active = True
    if repl.is_raw():  # a tool has reset the interpreter
        repl.run(True)
    print("Kernel version: 2.2 (build Adder)")
    _help(None)
    while True:
        line = repl.read_line("tock$ " if active else "")
        if line == _CTRL_A:
            repl.run(True)
        if isinstance(line, int):
            print()
            continue
        line = line.strip()[:_LONGEST]
        if line == "shell":
            return
        if line.startswith("console-start"):
            active = True
        elif not active or not line:
            continue
        elif line.startswith("console-stop"):
            print("Disabling the process console.\nRun console-start to reactivate.")
            active = False
        else:
            _obey(line)


def _obey(line):
    for name, function in _COMMANDS:
        if line.startswith(name):
            try:
                function(line.split()[1:2])
            except syscall.SyscallError as error:
                print(error)
            return
    print(_VALID)
