"""Wires the kernel when it is built: runs it until it is wired, and puts the result into the image (docs/wiring.md).

`kernel.py` reads the kernel, `emulate.py` runs it three times, `compare.py` finds what in its memory is an address,
`objects.py` what the objects are, `prune.py` leaves out what is there for wiring alone, `places.py` knows what the
sources say of classes, `layout.py` puts each object into flash or RAM. `same.py` compares the finished kernel with the
one that was run.
"""

from pathlib import Path

from adder.board import Region, read_manifest
from adder.build.prepare import with_source_lines
from adder.errors import AdderError
from adder.wire.compare import Wired, writes_of
from adder.wire.emulate import run_all
from adder.wire.kernel import Kernel
from adder.wire.layout import Image, Layout
from adder.wire.objects import Heap
from adder.wire.places import Sources
from adder.wire.prune import prune


def wire(kernel: Kernel, memory: list[Region], sources: Sources) -> Image:
    """The wired part of this kernel; `memory` is its flash and the RAM."""
    runs = run_all(kernel, memory)
    for run in runs:
        if failed := Wired(kernel, [run] * 3).failed():
            raise AdderError(f"What cannot be made: {', '.join(failed)}. The kernel said:\n{run.said}")
    wired = Wired(kernel, runs)
    writes = writes_of(wired, [run.accesses for run in runs])  # first: it knows which capsule has read something
    wired.check()
    prune(wired, Heap(wired, sources))
    return Layout(wired, Heap(wired, sources)).image(writes)


def wire_kernel(board: str, folder: Path) -> Image:
    """The wired part of `folder/kernel_unwired.elf`."""
    memory = read_manifest(board, folder)["memory"]
    regions = [Region(memory[name]["start"], memory[name]["size"]) for name in ("kernel_flash", "ram")]
    try:
        return wire(Kernel(folder / "kernel_unwired.elf"), regions, Sources(board, folder))
    except AdderError as error:
        raise AdderError(with_source_lines(str(error), folder)) from error


def wire_board(board: str, folder: Path) -> Image:
    """Writes it to `wired.bin`, and the bytes of RAM that it needs to `wired.ram`."""
    image = wire_kernel(board, folder)
    (folder / "wired.bin").write_bytes(image.data)
    (folder / "wired.ram").write_text(f"{image.ram}\n")
    return image
