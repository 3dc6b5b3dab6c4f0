"""Steps of the build: `python -m adder.wire BOARD FOLDER` wires; with `check` behind, it checks the kernel."""

import sys
from pathlib import Path

from adder.board import read_manifest
from adder.errors import AdderError
from adder.text import printable_lines
from adder.wire import wire_board
from adder.wire.check import check
from adder.wire.kernel import Kernel
from adder.wire.powers import edges, forbidden, rules_of
from adder.wire.same import check_same

if __name__ == "__main__":
    board, folder = sys.argv[1], Path(sys.argv[2])
    try:
        if "check" in sys.argv:
            check_same(Kernel(folder / "kernel.elf"), Kernel(folder / "kernel_unwired.elf"))
            manifest = read_manifest(board, folder)
            wired = check(folder / "kernel.elf", manifest)
            if problems := forbidden(edges(wired), manifest, rules_of(board)):
                raise AdderError("\n".join(problems))
        else:
            wire_board(board, folder)
    except AdderError as error:
        sys.exit(f"adder: {printable_lines(str(error))}")
