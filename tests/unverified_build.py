"""`python unverified_build.py -m MODULE ...`: in place of Python, for a build without either of the verifiers.

For tests alone: of what no verifier may keep from the image; of a sweep whose kernel differs; and for the fuzzer, which
verifies its programs one by one where the build would stop at the first that is refused.
"""

import os
import sys
from pathlib import Path

if sys.argv[1:3] == ["-m", "adder.verify_image"]:
    sys.exit()
if sys.argv[1:3] != ["-m", "adder.build.freeze"]:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
sys.path.insert(0, os.getcwd())

from adder.build.freeze import Freezer

Freezer.verify = lambda self, modules: None  # type: ignore[method-assign]
board, folder, micropython = sys.argv[3:]
Freezer(board, Path(folder)).freeze(Path(micropython))
