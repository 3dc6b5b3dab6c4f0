"""Reads the blocks that traffic.py makes, each of 64 bytes with its number, until one begins with "end"."""

# /// script
# [tool.adder]
# name = "sink"
# ram = "16K"
# permissions = ["console"]
# ///

from adder import console

print("sink: ready")
wrong = count = 0
while True:
    block = console.read(64)
    if block.startswith(b"end"):
        break
    if block != b"%063d\n" % count:
        wrong += 1
        if wrong < 4:
            print("sink:", count, block[-16:])
    count += 1
print("sink: end after", count, "blocks,", wrong, "wrong")
