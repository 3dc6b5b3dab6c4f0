"""What an interrupt costs: it comes once."""

import threading

from adder.board import ROOT, load_board
from adder.image.flash_image import FlashImage, read_app_file
from adder.measure import bench
from adder.measure.trace import LogParser, Place, TracedRun

APPS = ROOT / "build" / "apps"


class Interrupts:
    """Counts the interrupts between one upcall of an alarm and the next."""

    def __init__(self, interrupt: int, upcall: int, wanted: int) -> None:
        self.counts: list[int] = []
        self.done = threading.Event()
        self._wanted = wanted
        self._count = 0
        self.parser = LogParser([Place(interrupt, interrupt + 2, 1), Place(upcall, upcall + 2, 2)], self)

    def keep_from(self) -> None:
        return None

    def passed(self, count: int, before: int, now: int) -> None:
        if now == 1:
            self._count += 1
        elif now == 2:
            self.counts.append(self._count)
            self._count = 0
            if len(self.counts) > self._wanted:
                self.done.set()


def test_an_alarm_takes_one_interrupt(tmp_path) -> None:
    """The top half returns while the line is asserted, so the line is pending again; that must not count."""
    kernel = load_board("qemu").build / "kernel.elf"
    image = FlashImage(tmp_path / "flash.img")
    (placed,) = image.install([read_app_file(APPS / "bench.tbf")])
    app = bench.load_app(placed, APPS / "bench.elf")
    assert app.symbols is not None
    upcall = app.symbols["bench_alarm_upcall"].address
    watch = Interrupts(bench.Symbols.read(kernel)["irq_entry"].address, upcall, wanted=5)
    run = TracedRun(kernel, image.path, watch.parser, watch.done)
    transcript = run.run(200)
    assert watch.counts[1:6] == [1, 1, 1, 1, 1], transcript[-2000:]
