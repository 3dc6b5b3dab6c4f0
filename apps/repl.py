"""MicroPython's prompt, unprivileged like every app.

    make run APPS="repl-py"

Try `import asyncio`, `from adder import led`, `open("/rom/main.mpy", "rb").read(4)`. What fails here
fails here only: `import uctypes; uctypes.bytearray_at(0x20000000, 4)[0]` costs the prompt its life,
and the kernel restarts it.
"""

# /// script
# [tool.adder]
# name = "repl-py"
# ram = "48K"
# stack = 8192
# pystack = 2048
# native = true
# ///

import repl

repl.run()
