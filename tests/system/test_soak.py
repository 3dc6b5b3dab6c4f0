"""Preemption and interrupts at every instant leave the shared interpreter whole.

Four Python processes compute, collect garbage and print, while two apps in C preempt and interrupt them at
random. Every result is compared with what CPython computes. `make soak` runs 10^10 instructions, the test
a twentieth of it.
"""

import importlib.util
import re

from adder.apps import python_app
from adder.board import ROOT

INSTRUCTION_NS = 32  # the simulation's shift is 5: an instruction takes 2^5 ns of its time
SOURCE = ROOT / "tests" / "apps" / "soak.py"
LINE = re.compile(r"^(soak-[a-d]) (\d+) ([0-9a-f]{8}) (\d+)\r?$", re.MULTILINE)


def expected(seed: int) -> str:
    spec = importlib.util.spec_from_file_location("soak", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.work(seed))


def test_the_interpreter_survives_preemption_anywhere(simulation, tmp_path, long) -> None:
    instructions = 10**10 if long else 5 * 10**8
    milliseconds = instructions * INSTRUCTION_NS // 10**6
    apps = []
    for letter in "abcd":
        apps.append(tmp_path / f"soak-{letter}.tbf")
        apps[-1].write_bytes(python_app.build(SOURCE, f"soak-{letter}").tbf.encode())
    right = {seed: expected(seed) for seed in range(0, 1000, 20)}
    rounds = dict.fromkeys("abcd", 0)
    with simulation(*apps, "jitter", "blink", shift=5) as board:
        now = 0
        while now < milliseconds:
            found = board.expect(LINE.pattern, timeout=60)
            name, seed, digest, now = found[1].decode(), int(found[2]), found[3].decode(), int(found[4])
            assert digest == right[seed], f"{name}, seed {seed}: {digest} is wrong after {now} ms"
            rounds[name[-1]] += 1
            assert "Faulted" not in board.transcript[-2000:]
        assert "Faulted" not in board.transcript
        assert "jitter: 1000 turns" in board.transcript or not long
    assert min(rounds.values()) > 0, rounds
