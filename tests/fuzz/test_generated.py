"""Generated capsules hurt nobody: a sample in `make test`; in `make fuzz` a million here, and 20,000 in the image."""

import math
import re

import pytest
from fuzz import fuzz_host, keep_host, on_host
from fuzzing import TRIED_BY, counted, git, next_seed
from grammar import Program, make
from on_host import FOLDER, Host
from on_image import Kernel, fuzz_image, keep_image
from reduce import reduce

from adder.board import ROOT

pytestmark = pytest.mark.xdist_group("fuzz")  # they share two kernels: tests/side_by_side.py

PROCESSES = 2
SAMPLE = 40  # modules, of which some are refused
HOST, IMAGE = 1_000_000, 20_000  # programs that `make fuzz` makes sure of; of a module most are accepted
PER_MODULE = 2.5


def missing(key: str, wanted: int) -> int:
    """The modules that have yet to be run, if some have been (fuzz.py --on)."""
    return max(0, math.ceil((wanted - (counted(key) or 0)) / PER_MODULE))


@pytest.mark.timeout(72000)
def test_generated_capsules_on_this_machine_hurt_nobody(long: bool, host: Host) -> None:
    tally = on_host(range(SAMPLE), host)
    while long and not tally.findings and (modules := missing("host_programs", HOST)):
        tally = fuzz_host(next_seed("host"), modules, PROCESSES, keep=keep_host)
    assert not tally.findings
    assert not long or (counted("host_programs") >= HOST and not counted("findings"))
    assert tally.programs >= 2 * SAMPLE or long
    # Most programs are accepted, and get somewhere.
    assert tally.refused < tally.programs / 10
    assert tally.calls > 5 * tally.programs
    assert tally.failures < 0.8 * tally.calls


def test_a_count_goes_on_only_while_all_that_the_kernel_here_is_made_of_stays_as_it_is(host: Host) -> None:
    listed = {ROOT / line for line in git("ls-files", "--", *TRIED_BY["host"]).splitlines()}
    modules = {module.path for module in host.freezer.modules.values() if FOLDER not in module.path.parents}
    made_of = " ".join(path.read_text() for path in FOLDER.rglob("*.P"))
    firmware = {ROOT / one for one in re.findall(r"\bfirmware/\S+\.[ch]\b", made_of)}
    assert len(modules) > 10
    assert len(firmware) > 60
    assert modules <= listed
    assert {path for path in firmware if path.is_file()} <= listed


def test_generated_capsules_in_the_image_hurt_nobody(sample_kernel: Kernel) -> None:
    chosen = sorted(sample_kernel.taken)
    assert len(chosen) >= 4
    assert sample_kernel.boot(chosen) == ""


@pytest.mark.timeout(72000)
def test_many_generated_capsules_in_the_image_hurt_nobody(long: bool) -> None:
    if not long:
        pytest.skip("`make fuzz` runs it at length; `make test` a sample of it, the test above")
    while modules := missing("image_programs", IMAGE):
        assert not fuzz_image(next_seed("image"), modules, keep=keep_image).findings
    assert counted("image_programs") >= IMAGE
    assert not counted("findings")


def test_a_program_is_a_function_of_its_seed(host: Host) -> None:
    program = make(7)
    assert make(7) == program
    assert make(8) != program
    first = host.run(program.text, 7, program.words, program.emit)
    assert first.calls > 0
    again = host.run(program.text, 7, program.words, program.emit)
    assert (again.calls, again.failures) == (first.calls, first.failures)


def test_what_is_found_is_made_small() -> None:
    lines = [
        "class A:",
        "    def f(self):",
        "        x = 1",
        "        if x:",
        "            y = 2",
        "            z = 3",
        "        return x",
    ]
    program = Program("\n".join(lines) + "\n", "A.f", "native")
    small = reduce(program, lambda smaller: "z = 3" in smaller.text)
    assert small == Program("class A:\n\n    def f(self):\n        z = 3\n", "A.f", "native")
