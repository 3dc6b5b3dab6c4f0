"""Reads the blocks that traffic.py makes, each of 64 bytes with its number, and says at the end what was wrong."""

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
    if block != b"%063d\n" % count:
        wrong += 1
        if wrong < 4:
            print("sink: block", count, "is", block)
    count += 1
    if block.startswith(b"9"):
        break
    if count % 1024 == 0:
        print("sink:", count, "blocks,", wrong - 0, "wrong")
print("sink: end after", count, "blocks,", wrong - 1, "wrong")
