"""What a Python app's users feel, for `adder bench`: instructions of a switch, a line, a reading, a call of a service.

QEMU counts: an instruction is a nanosecond of its virtual time, which the app measures itself, in batches of many. The
smallest batch counts, since QEMU's time also passes while the console's reader is slow.
"""

import re
import tempfile
from pathlib import Path

from adder.apps import python_app
from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app
from adder.run.simulate import Simulation

FOLDER = ROOT / "tests" / "bench" / "python"
TIMEOUT = 120.0


def measure(kernel: Path) -> dict[str, int]:
    """The instructions of each operation, by its key in bench.json."""
    with tempfile.TemporaryDirectory() as folder:
        image = FlashImage(Path(folder) / "flash.img")
        image.install(
            [read_app(python_app.build(FOLDER / f"{name}.py").tbf.encode(), name) for name in ("service", "user")]
        )
        with Simulation(kernel, image.path, shift=0) as board:
            board.expect("end of results", timeout=TIMEOUT)
            return {key: int(count) for key, count in re.findall(r"result (\w+) (\d+)", board.transcript)}
