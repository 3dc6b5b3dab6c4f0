"""The longest that an interrupt waits for its upcall, for `adder bench`, while other apps crash and are reported.

An app sets an alarm, waits for it, and does so a thousand times. Beside it others do what is forbidden, are reported
and begin anew. A sample begins with the first interrupt since any app ran or the kernel slept: if one of the console's
came just before the alarm's, its time counts as well.
"""

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from adder.board import ROOT
from adder.errors import AdderError
from adder.image.flash_image import FlashImage, read_app_file
from adder.measure.bench_app import BenchApp, Samples, find_elf, load_app
from adder.measure.trace import LogParser, Place, TracedRun
from adder.symbols import Symbols

ALARMS = "bench-worst"
FAULTY = ("read-kernel", "write-grant", "jump-ram", "stack-overflow", "undefined", "unaligned", "bad-syscall")
SAMPLES = 1000

_KERNEL, _APP, _RESET, _INTERRUPT, _UPCALL, _SLEEP = range(6)
"""Places."""


class Waits:
    """Watches a run: the instructions from an interrupt to the upcall of an alarm, and those of the boot."""

    def __init__(self, kernel: Symbols, apps: Sequence[BenchApp], wanted: int) -> None:
        self.waits = Samples(worst=True)
        self.boot: int | None = None
        self.done = threading.Event()
        self._wanted = wanted
        self._reset = 0
        self._interrupt: int | None = None
        self._upcall: int | None = None
        marks = [
            (kernel[name].address & ~1, place)
            for name, place in (("Reset_Handler", _RESET), ("irq_entry", _INTERRUPT), ("sleep_until_interrupt", _SLEEP))
        ]
        for app in apps:
            marks += [(one.address, _UPCALL) for one in app.symbols or () if one.name == "bench_alarm_upcall"]
        places = [Place(app.placed.address, app.placed.end, _APP) for app in apps]
        self.parser = LogParser([*places, *(Place(at, at + 2, number) for at, number in marks)], self)

    def keep_from(self) -> int | None:
        """The addresses of the worst so far are not kept."""
        return None

    def passed(self, count: int, before: int, now: int) -> None:
        if now == _RESET:
            self._reset = count
        elif now == _INTERRUPT:
            if self._interrupt is None:
                self._interrupt = count
        elif now == _SLEEP:
            self._interrupt = None
        elif now in (_APP, _UPCALL):
            if self.boot is None:
                self.boot = count - self._reset
            if now == _UPCALL and self._interrupt is not None:
                self.waits.counts.append(count - self._interrupt)
                if len(self.waits.counts) == self._wanted:
                    self.done.set()
            self._interrupt = None


def measure(kernel: Path, *, samples: int = SAMPLES, timeout: float = 600) -> dict[str, Samples]:
    """Run the apps until the alarm has gone off so often; what was counted, by its key in bench.json."""
    paths = [ROOT / "build" / "apps" / f"{name}.tbf" for name in (ALARMS, *(f"faulty-{what}" for what in FAULTY))]
    with tempfile.TemporaryDirectory() as folder:
        image = FlashImage(Path(folder) / "flash.img")
        placed = image.install([read_app_file(path) for path in paths])
        apps = [load_app(entry, find_elf(paths[0]) if entry.app.name == ALARMS else None) for entry in placed]
        watch = Waits(Symbols.read(kernel), apps, samples)
        transcript = TracedRun(kernel, image.path, watch.parser, watch.done).run(timeout)
    if watch.boot is None or len(watch.waits.counts) < samples:
        raise AdderError(
            f"The alarm went off only {len(watch.waits.counts)} times. The console shows:\n{transcript[-2000:]}"
        )
    if "[Faulted]" not in transcript:
        raise AdderError(f"No app has crashed beside the alarms. The console shows:\n{transcript[-2000:]}")
    return {"interrupt_to_upcall_worst": watch.waits, "boot_to_process": Samples([watch.boot])}
