"""A benchmark: how many times a second the interpreter does a few things.

    make run APPS="benchmark-py"

Clock time is the board's. What an instruction costs is told by `make bench`.
"""

# /// script
# [tool.adder]
# name = "benchmark-py"
# ram = "12K"
# ///

import time

from adder import led


def empty_loop(n):
    for _ in range(n):
        pass


def calls(n):
    def f():
        pass

    for _ in range(n):
        f()


def floats(n):
    x = 0.5
    for _ in range(n):
        x = x * 1.0001 + 0.1


def strings(n):
    for i in range(n):
        "%d:%d" % (i, i)


def commands(n):
    for _ in range(n):
        led.toggle(0)


def measure(work, n):
    start = time.ticks_us()
    work(n)
    took = time.ticks_diff(time.ticks_us(), start)
    print(f"benchmark: {work.__name__:10} {n * 1000000 // max(took, 1):8} a second")


while True:
    for work, n in ((empty_loop, 20000), (calls, 5000), (floats, 5000), (strings, 500), (commands, 500)):
        measure(work, n)
    time.sleep(5)
