"""Programs that each try one thing that they must not do: many of them in one boot, beside a witness.

Each ends in a fault of its own, which is reported under its name. The kernel is one whose policy is to stop what has
had a fault, so that there is one report of each; they begin one after the other, since the log has room for one report.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from kernels import build_variant

from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import ExpectTimeout, Simulation
from adder.symbols import Symbols

Case = TypeVar("Case")

WITNESSED = 3  # lines of the witness that must come when all probes have done what they do
APART = 300  # milliseconds between two probes
PATIENCE = 60  # seconds of the board's
BEGIN = "---| Cortex-M Fault Status |---"


def write_witness(folder: Path) -> Path:
    """The app `hello`, for as long as it is wanted."""
    path = folder / "hello.tbf"
    elf = (ROOT / "build" / "apps" / "hello.elf").read_bytes()
    path.write_bytes(elf_to_tbf(elf, Options(name="hello", argument="100000")).encode())
    return path


class Probes(Generic[Case]):
    """Boots with `at_once` of the cases each, when one of them is asked for.

    `make(case, name, wait, folder)` is the TBF of a probe that waits for so many milliseconds before it begins, `done`
    a pattern of what is seen when it has done what it does.
    """

    def __init__(
        self,
        folder: Path,
        cases: Sequence[Case],
        make: Callable[[Case, str, int, Path], Path],
        done: str = "app {name}: stopped",
        *,
        at_once: int,
    ) -> None:
        self._kernel = build_variant("qemu", "FAULT_POLICY_STOP=y")
        self.symbols = Symbols.read(self._kernel)
        self._folder = folder
        self._cases = list(cases)
        self._make = make
        self._done = done
        self._at_once = at_once
        self._shown: dict[int, str] = {}

    def name(self, case: Case) -> str:
        """What the probe is called."""
        return f"probe-{self._cases.index(case) % self._at_once:02}"

    def shown(self, case: Case) -> str:
        """All that the console shows of the boot in which this is tried."""
        boot = self._cases.index(case) // self._at_once
        if boot not in self._shown:
            self._shown[boot] = self._boot(self._cases[boot * self._at_once :][: self._at_once])
        return self._shown[boot]

    def report(self, case: Case) -> str | None:
        """The first report of the probe's fault, up to its name; None if there is none."""
        before, found, _ = self.shown(case).partition(f"App: {self.name(case)}   -   [Faulted]")
        return before[before.rindex(BEGIN) :] if found else None

    def _boot(self, cases: Sequence[Case]) -> str:
        image = FlashImage(self._folder / "flash.img")
        paths = [write_witness(self._folder)]
        for number, case in enumerate(cases):
            paths.append(self._make(case, self.name(case), APART * (number + 1), self._folder))
        image.install([read_app_file(path) for path in paths], only=True)
        patterns = [self._done.format(name=self.name(case)) for case in cases]
        with Simulation(self._kernel, image.path) as board:
            try:
                board.expect_all(*patterns, timeout=PATIENCE)
                wanted = board.transcript.count("hello: hello, ") + WITNESSED
                goes_on = board.run_until(lambda: board.transcript.count("hello: hello, ") >= wanted, PATIENCE)
                assert goes_on, f"the witness is dead:\n{board.transcript[-5000:]}"
            except ExpectTimeout:
                pass  # the tests of those that have not come say so
            shown = board.transcript
        image.path.unlink()
        assert "not started" not in shown, shown
        assert not re.search("kernel fault|fault in the kernel|panicked", shown), shown
        return shown
