"""Builds the nRF52840's kernel with other options, in a folder of build/ named after them. Prints the kernel's path."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from kernels import build_kernel  # noqa: E402

if __name__ == "__main__":
    options = sys.argv[1:]
    folder = ROOT / "build" / "renode-kernels" / "-".join(options).replace("=", "-")
    print(build_kernel("nrf52840", folder, *options, base="nrf52840"))  # alone in there
