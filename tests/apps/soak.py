"""Works hard on the interpreter's memory and says what came out, round after round.

    make soak

Run several at once, with apps that preempt them at odd moments. What a round must give, any Python can
tell: the test computes it with another one. A wrong digest means that an interrupt or a switch has
broken the interpreter, or the collector took what was in use.
"""

# /// script
# [tool.adder]
# name = "soak-py"
# ram = "32K"
# stack = 8192
# pystack = 4096
# ///

import gc
import hashlib
import json
import sys
import time


def numbers(seed, count):
    """Pseudo-random numbers of 16 bits."""
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        yield seed >> 15


def tree(values):
    """A search tree of lists."""
    root = None
    for value in values:
        if root is None:
            root = [value, None, None]
            continue
        node = root
        while True:
            side = 1 if value < node[0] else 2
            if node[side] is None:
                node[side] = [value, None, None]
                break
            node = node[side]
    return root


def walk(node):
    if node is not None:
        yield from walk(node[1])
        yield node[0]
        yield from walk(node[2])


def catch(value):
    try:
        if value % 3 == 0:
            raise ValueError(value)
        return [][value]
    except IndexError:
        return "index"
    except ValueError as error:
        return "value %d" % error.args[0]


def work(seed):
    """One round: 8 hexadecimal digits that depend on everything it did."""
    digest = hashlib.sha256()
    values = list(numbers(seed, 40))
    digest.update(" ".join(map(str, walk(tree(values)))).encode())
    table: dict = {}
    for value in values:
        table.setdefault(value % 7, []).append("%04x" % value)
    digest.update(json.dumps([table[key] for key in sorted(table)]).encode())
    product = 1
    for value in values[:20]:
        product = product * (value + 3) - value
    digest.update(str(product).encode())
    digest.update("".join(catch(value) for value in values[:10]).encode())
    digest.update(bytes(sorted(value & 0xFF for value in values)))
    return "".join("%02x" % byte for byte in digest.digest()[:4])


def main():
    name = sys.argv[0]
    seed = sum(name.encode())
    while True:
        seed = (seed + 1) % 1000
        result = work(seed)
        if seed % 5 == 0:
            gc.collect()
        if seed % 20 == 0:
            print(name, seed, result, time.ticks_ms())


if __name__ == "__main__":
    main()
