"""The process in which MicroPython's own tests run: its prompt, with the memory that they need."""

# /// script
# [tool.adder]
# name = "upstream"
# ram = "168K"
# stack = 16384
# pystack = 8192
# native = true
# ///

import repl

repl.run()
