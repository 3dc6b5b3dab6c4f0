"""Counts the instructions between two places in the running system.

QEMU is told to translate each instruction by itself and to log each one it starts. The log comes
through a pipe and is reduced on the fly to the places of interest, so a run of many millions of
instructions needs neither memory nor disk.

A *place* is a range of addresses with a number. Every address has exactly one place; the ones
that nobody asked for belong to place 0. A watcher is told each time execution passes from one
place to another, with the count of instructions executed until then.
"""

import contextlib
import fcntl
import os
import re
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adder.run.simulate import Simulation, find_qemu, one_instruction_per_block

PIPE_SIZE = 1 << 20

# Trace 0: 0x7f0e8c000100 [00000000/0000000000000412/00000110/ff000001] name
_LINE = re.compile(rb"/([0-9a-f]+/[0-9a-f]+/[0-9a-f]+)\]")

# QEMU logs a block before it starts it; if an interrupt comes first it says so and starts the
# block again later.
_NOT_STARTED = re.compile(rb"Trace [^\n]*\n(?=Stopped execution)")


@dataclass(frozen=True)
class Place:
    """The addresses from `start` to `end` (exclusive), known as `number`."""

    start: int
    end: int
    number: int


class Watcher(Protocol):
    """What is told about the run."""

    def passed(self, count: int, before: int, now: int) -> None:
        """After `count` instructions, execution goes from place `before` to place `now`."""

    def keep_from(self) -> int | None:
        """The count from which addresses are to be kept for `Trace.addresses`."""


class PlaceMap:
    """Finds the place of an address. Where places overlap, the smaller one wins."""

    def __init__(self, places: Sequence[Place]) -> None:
        edges = sorted({edge for place in places for edge in (place.start, place.end)})
        self._edges = edges
        self._numbers = []
        by_size = sorted(places, key=lambda place: place.end - place.start)
        for edge in edges:
            hit = (place.number for place in by_size if place.start <= edge < place.end)
            self._numbers.append(next(hit, 0))

    def __getitem__(self, address: int) -> int:
        index = bisect_right(self._edges, address) - 1
        return self._numbers[index] if index >= 0 else 0


class _Cache(dict[bytes, tuple[int, int]]):
    """Address and place of each distinct log entry."""

    def __init__(self, places: PlaceMap) -> None:
        super().__init__()
        self._places = places

    def __missing__(self, key: bytes) -> tuple[int, int]:
        address = int(key.split(b"/", 1)[0], 16)
        value = self[key] = (address, self._places[address])
        return value


class LogParser:
    """Turns QEMU's execution log, fed in pieces, into calls of a watcher."""

    def __init__(self, places: Sequence[Place], watcher: Watcher) -> None:
        self._cache = _Cache(PlaceMap(places))
        self._watcher = watcher
        self._rest = b""
        self._previous_key = b""
        self._previous_place = 0
        self.count = 0
        self._kept: list[int] = []
        self._kept_from = 0

    def feed(self, data: bytes) -> None:
        """Take in the next piece of the log."""
        data = self._rest + data
        # The last entry waits for the line after it, which may take it back.
        cut = data.rfind(b"Trace ")
        if cut > 0:
            self._rest = data[cut:]
            self._parse(data[:cut])
        else:
            self._rest = data

    def finish(self) -> None:
        """The log has ended."""
        data, self._rest = self._rest, b""
        if data.endswith(b"\n"):
            self._parse(data)

    def _parse(self, text: bytes) -> None:
        if b"Stopped" in text:
            text = _NOT_STARTED.sub(b"", text)
        keys: list[bytes] = _LINE.findall(text)
        if not keys:
            return
        keys = self._without_repeats(keys)
        cache = self._cache
        found = [cache[key] for key in keys]
        if not found:
            return
        places = [place for _, place in found]
        base = self.count
        before = self._previous_place
        keep = self._watcher.keep_from()
        if keep is None:
            self._kept, self._kept_from = [], base
        elif keep > self._kept_from:
            del self._kept[: keep - self._kept_from]
            self._kept_from = keep
        self._kept += [address for address, _ in found]
        self.count = base + len(found)
        if before != places[0]:
            self._watcher.passed(base, before, places[0])
        changes = [i for i in range(1, len(places)) if places[i] != places[i - 1]]
        for i in changes:
            self._watcher.passed(base + i, places[i - 1], places[i])
        self._previous_place = places[-1]

    def _without_repeats(self, keys: list[bytes]) -> list[bytes]:
        """Drop the second log entry of an instruction that QEMU had to translate again.

        Older QEMUs do so when the instruction turns out to reach a device; the second block
        differs from the first in its compile flags (the last field) alone.
        """
        previous = [self._previous_key, *keys[:-1]]
        self._previous_key = keys[-1]
        return [
            key
            for key, old in zip(keys, previous, strict=True)
            if key == old
            or key[:16] != old[:16]  # by far the most frequent case, told apart quickly
            or key.rsplit(b"/", 1)[0] != old.rsplit(b"/", 1)[0]
        ]

    def addresses(self, start: int, end: int) -> Sequence[int]:
        """The instructions numbered `start` to `end` (exclusive), if they were kept."""
        if start < self._kept_from or end - self._kept_from > len(self._kept):
            raise ValueError("these instructions were not kept")
        return self._kept[start - self._kept_from : end - self._kept_from]

    def profile(self, start: int, end: int) -> Counter[int]:
        """How often each address was executed between two counts."""
        return Counter(self.addresses(start, end))


class TracedRun:
    """A simulation whose every instruction goes through a `LogParser`.

    `wait` returns when `done` was set by the watcher, when QEMU ended, or after `timeout`.
    """

    def __init__(self, kernel: Path, image: Path, parser: LogParser, done: threading.Event) -> None:
        self._parser = parser
        self.done = done
        self._failure: BaseException | None = None
        _, version = find_qemu()
        self._read_end, self._write_end = os.pipe()
        _enlarge(self._read_end)
        self.simulation = Simulation(
            kernel,
            image,
            clock="fast",
            free=True,
            options=[
                *one_instruction_per_block(version),
                "-d", "exec,nochain",
                "-D", f"/dev/fd/{self._write_end}",
            ],
            inherit=[self._write_end],
        )  # fmt: skip
        self._thread = threading.Thread(target=self._pump, daemon=True)

    def run(self, timeout: float) -> str:
        """Run until done; returns the console's transcript."""
        try:
            self._thread.start()
            try:
                self.simulation.start()
            finally:
                os.close(self._write_end)
            self.done.wait(timeout)
            transcript = self.simulation.transcript
        finally:
            self.simulation.kill()
            self._thread.join()
            os.close(self._read_end)
        if self._failure is not None:
            raise self._failure
        return transcript

    def _pump(self) -> None:
        try:
            while data := os.read(self._read_end, PIPE_SIZE):
                if not self.done.is_set():
                    self._parser.feed(data)
            if not self.done.is_set():
                self._parser.finish()
        except BaseException as error:
            self._failure = error
            self.done.set()
            # Go on emptying the pipe, or QEMU blocks and cannot end.
            while os.read(self._read_end, PIPE_SIZE):
                pass
        finally:
            self.done.set()


def _enlarge(pipe: int) -> None:
    """Let more fit into a pipe, for fewer switches between QEMU and us."""
    with contextlib.suppress(OSError):  # the system may allow less; it works all the same
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
