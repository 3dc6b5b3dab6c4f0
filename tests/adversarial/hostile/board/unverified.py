"""Python for a build that verifies neither the capsules nor the image: `python unverified.py -m MODULE ...`. Tests alone use it."""

import os
import sys
from pathlib import Path

if sys.argv[1:3] == ["-m", "adder.verify_image"]:
    sys.exit()
if sys.argv[1:3] != ["-m", "adder.freeze"]:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
sys.path.insert(0, os.getcwd())

from adder.freeze import Freezer  # noqa: E402

Freezer.verify = lambda self, modules: None  # type: ignore[method-assign]
board, folder, micropython = sys.argv[3:]
Freezer(board, Path(folder)).freeze(Path(micropython))
