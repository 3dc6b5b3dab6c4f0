"""Reads blocks of 64 bytes and says, after each 64 blocks or when it is told "end", what they add up to."""

# /// script
# [tool.adder]
# name = "reader"
# ram = "16K"
# permissions = ["alarm", "console"]
# ///

from adder import console

print("reader: ready")
count = total = 0
while True:
    block = console.read(64)
    count += 1
    total += sum(block)
    if count == 64 or block.startswith(b"end"):
        print("reader:", count * 64, "bytes, sum", total)
        count = total = 0
