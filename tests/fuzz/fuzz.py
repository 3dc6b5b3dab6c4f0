"""Looks for holes: makes programs, wires and calls them, and tells what it has found. See docs/fuzzing.md.

    build/venv/bin/python tests/fuzz/fuzz.py --target host --seed 0 --count 1000
    build/venv/bin/python tests/fuzz/fuzz.py --target host --on --count 100000 --seconds 3600

A module of programs is a function of its seed: `--seed 1234 --show` makes that one again; `--reduce` makes it small.
"""

import argparse
import gc
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable, Container, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]

from board_files import CAPSULES  # noqa: E402
from fuzzing import add_run, next_seed  # noqa: E402
from grammar import Program, make  # noqa: E402
from on_host import FOLDER, Host, Result, build  # noqa: E402
from reduce import reduce  # noqa: E402
from tally import Tally  # noqa: E402

from adder.errors import AdderError  # noqa: E402

PIECE = 50  # modules that a process does before it says so


def look(host: Host, seed: int, program: Program, without: Container[str] = ()) -> Result | None:
    """Run a program; None if it is not accepted. What is found must be found again."""
    if host.verify(program.text, program.words, without):
        return None
    result = host.run(program.text, seed, program.words, program.emit)
    if result.report and host.run(program.text, seed, program.words, program.emit).kind != result.kind:
        result = host.run(program.text, seed, program.words, program.emit)
    return None if result.refused else result


def on_host(seeds: range, host: Host, without: Container[str] = (), stop: bool = False) -> Tally:
    """Run the programs of these seeds; with `stop`, until one is found."""
    tally = Tally()
    for seed in seeds:
        result = look(host, seed, make(seed), without)
        if result is None:
            tally.refused += 1
            continue
        tally.programs += CAPSULES
        tally.calls += result.calls
        tally.failures += result.failures
        tally.points += result.points
        if result.report:
            tally.findings.append({"target": "host", "seed": seed, "kind": result.kind})
            if stop:
                break
    return tally


_host: list[Host] = []


def _piece(seeds: range) -> Tally:
    if not _host:
        _host.append(Host(FOLDER))
        gc.disable()  # trees of syntax have no cycles, and looking for some takes as long as the rest
    gc.collect()
    return on_host(seeds, _host[0])


def pieces(first: int, count: int) -> Iterator[range]:
    """Ranges of seeds, one for each turn."""
    for start in range(first, first + count, PIECE):
        yield range(start, min(start + PIECE, first + count))


def fuzz_host(
    first: int, count: int, processes: int, seconds: float = 1e9, keep: Callable[[range, Tally], object] | None = None
) -> Tally:
    """Run the programs of `count` seeds from `first` on, or as many as there is time for; `keep` each piece's tally."""
    build(FOLDER)
    tally = Tally()
    end = time.monotonic() + seconds
    ranges = list(pieces(first, count))
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for seeds, done in zip(ranges, pool.imap(_piece, ranges), strict=True):
            tally.add(done)
            if keep is not None:
                keep(seeds, done)
            if time.monotonic() > end:
                break
        pool.terminate()
    return tally


def keep_host(seeds: range, done: Tally) -> None:
    """Write a piece down for build/fuzz.json."""
    add_run("host", seeds.start, len(seeds), host_programs=done.programs, host_calls=done.calls, findings=done.findings)


def show(seed: int, small: bool) -> None:
    """Print a program and what becomes of it."""
    build(FOLDER)
    host = Host(FOLDER)
    program = make(seed)
    result = look(host, seed, program)
    if result is not None and result.report and small:
        kind = result.kind

        def still(smaller: Program) -> bool:
            if host.verify(smaller.text, smaller.words):
                return False
            try:
                return host.run(smaller.text, seed, smaller.words, smaller.emit).kind == kind
            except AdderError:  # a function of machine words has gone
                return False

        program = reduce(program, still)
        result = host.run(program.text, seed, program.words, program.emit)
    print(f"# words: {program.words}\n# emit: {program.emit}\n{program.text}")
    if result is None:
        print("It is not accepted:", *host.verify(program.text, program.words), sep="\n")
    else:
        print(result.report or f"{result.calls} calls, {result.failures} of them failed; nothing was found")
    host.end()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=["host", "image"], default="host")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=100, help="seeds; each is a module of some programs")
    parser.add_argument("--seconds", type=float, default=1e9, help="no more than that")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--on",
        action="store_true",
        help="begin behind all seeds that have been run, and add to build/fuzz.json",
    )
    parser.add_argument("--show", action="store_true", help="print the program of --seed and what becomes of it")
    parser.add_argument("--reduce", action="store_true", help="make it small first")
    options = parser.parse_args()
    if options.show or options.reduce:
        show(options.seed, options.reduce)
        return
    first = max(options.seed, next_seed(options.target) if options.on else 0)
    if options.target == "host":
        tally = fuzz_host(first, options.count, options.processes, options.seconds, keep_host if options.on else None)
    else:
        from on_image import fuzz_image, keep_image

        tally = fuzz_image(first, options.count, options.seconds, keep=keep_image if options.on else None)
    print(json.dumps(vars(tally) | {"kinds": Counter(str(f["kind"]) for f in tally.findings)}, indent=1))


if __name__ == "__main__":
    main()
