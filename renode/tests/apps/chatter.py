"""Prints numbered lines for ever, and leaves garbage behind for the collector of its own heap."""

# /// script
# [tool.adder]
# name = "chatter-0"
# ram = "16K"
# permissions = ["console"]
# ///

number = 0
while True:
    print("chatter-0 %06d %s." % (number, "-".join(str(number + i) for i in range(6))))
    number += 1
