"""Misbehaves, in the way that its name says: `misbehave-loop` loops. The other apps must not notice.

    make run APPS="blink-py hello misbehave-hog misbehave-loop misbehave-read-kernel"

What the kernel or the interpreter stops, ends this app: with a traceback if it is an exception, with
a fault report if it is the memory protection unit.
"""

# /// script
# [tool.adder]
# name = "misbehave-loop"
# ram = "16K"
# ///

import sys
import time

import uctypes

KERNEL_RAM = 0x20000000
INTERPRETER = 0x00000100
PERIPHERAL = 0x40004000
SYSTEM = 0xE000ED94  # MPU_CTRL
LAST_RAM = 0x2003FFF0


def peek(address):
    return uctypes.bytearray_at(address, 4)[0]


def poke(address):
    uctypes.bytearray_at(address, 4)[0] = 0xAA


def forge(pointer):
    """Put a number into a list as if it were an object, and use the object."""
    victim = ["an object"]
    items = uctypes.bytearray_at(id(victim) + 12, 4)  # mp_obj_list_t: type, alloc, len, items
    item = uctypes.bytearray_at(int.from_bytes(items, "little"), 4)
    item[:] = pointer.to_bytes(4, "little")
    return victim[0].attribute


def loop():
    while True:
        pass


def hog():
    taken = []
    try:
        while True:
            taken.append(bytearray(512))
    except MemoryError:
        count = len(taken)
        taken = None
        print("misbehave: no memory after", count, "times 512 bytes")
    raise MemoryError("the hog gives up")


def recurse(depth=0):
    return recurse(depth + 1) + 1


def recurse_in_c():
    nested = ()
    for _ in range(250):
        nested = (nested,)
    return repr(nested)


def big_int():
    number = 3
    while True:
        number *= number


def close_stdin():
    sys.stdin.close()
    sys.stdout.close()
    print("misbehave: still here after closing stdin and stdout")
    input("misbehave: and waiting for a line\n")


def machine_code():
    exec("@micropython.native\ndef f():\n    return 1\nf()")


def allow_everything():
    """Hand the kernel memory that is not ours."""
    import syscall

    for address in (0, KERNEL_RAM, INTERPRETER, PERIPHERAL, SYSTEM, LAST_RAM, 0xFFFFFFF0):
        for allow in (syscall.allow_rw, syscall.allow_ro):
            if allow is syscall.allow_ro and address in (0, INTERPRETER):
                continue  # may be lent to be read
            try:
                allow(1, 1, uctypes.bytearray_at(address, 64))
            except syscall.SyscallError as error:
                assert error.args[0] == syscall.INVAL
            else:
                raise RuntimeError("the kernel took 0x%08x" % address)
    print("misbehave: the kernel took none of it")
    raise SystemExit(7)


def flood():
    """More upcalls than the queue holds, from a handler that never returns in time."""
    import syscall

    for _ in range(10000):
        syscall.command(0, 5, 1)
        syscall.yield_no_wait()
    print("misbehave: the flood is over")


WAYS = {
    "read-kernel": lambda: peek(KERNEL_RAM),
    "write-kernel": lambda: poke(KERNEL_RAM),
    "write-kernel-heap": lambda: poke(KERNEL_RAM + 0x8000),
    "write-interpreter": lambda: poke(INTERPRETER),
    "read-peripheral": lambda: peek(PERIPHERAL),
    "write-system": lambda: poke(SYSTEM),
    "read-last-ram": lambda: peek(LAST_RAM),
    "forge": lambda: forge(PERIPHERAL),
    "forge-kernel": lambda: forge(KERNEL_RAM + 0x1840),
    "loop": loop,
    "hog": hog,
    "recurse": recurse,
    "recurse-in-c": recurse_in_c,
    "big-int": big_int,
    "close-stdin": close_stdin,
    "machine-code": machine_code,
    "allow": allow_everything,
    "flood": flood,
}

way = sys.argv[0].split("-", 1)[1]
time.sleep_ms(200)
print("misbehave:", way)
WAYS[way]()
print("misbehave: nobody stopped", way)
