"""Generated capsules hurt nobody: a sample in `make test`; in `make fuzz` a million here, and 20,000 in the image."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz import fuzz_host, on_host
from fuzzing import record
from on_host import FOLDER, Host, build
from on_image import fuzz_image
from reduce import reduce

PROCESSES = 2
found: list[dict[str, object]] = []
SAMPLE, ALL = 60, 350_000  # modules, of which some are refused
IMAGE_SAMPLE, IMAGE_ALL = 8, 7_500


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """The kernel for this machine, waiting."""
    build(FOLDER)
    made = Host(FOLDER)
    yield made
    made.end()


@pytest.mark.timeout(72000)
def test_generated_capsules_on_this_machine_hurt_nobody(long: bool, host: Host) -> None:
    tally = fuzz_host(0, ALL, PROCESSES, 1e9) if long else on_host(range(SAMPLE), host)
    if long:
        found.extend(tally.findings)
        record(host_programs=tally.programs, host_calls=tally.calls, findings=found)
    assert not tally.findings
    assert tally.programs >= (1_000_000 if long else 2 * SAMPLE)
    # Most programs are accepted, and get somewhere.
    assert tally.refused < tally.programs / 10
    assert tally.calls > 5 * tally.programs
    assert tally.failures < 0.8 * tally.calls


@pytest.mark.timeout(72000)
def test_generated_capsules_in_the_image_hurt_nobody(long: bool) -> None:
    tally = fuzz_image(0, IMAGE_ALL if long else IMAGE_SAMPLE)
    if long:
        found.extend(tally.findings)
        record(image_programs=tally.programs, findings=found)
    assert not tally.findings
    assert tally.programs >= (20_000 if long else IMAGE_SAMPLE)


def test_a_program_is_a_function_of_its_seed(host: Host) -> None:
    from grammar import make

    program = make(7)
    assert make(7) == program
    assert make(8) != program
    first = host.run(program.text, 7, program.words, program.emit)
    assert first.calls > 0
    again = host.run(program.text, 7, program.words, program.emit)
    assert (again.calls, again.failures) == (first.calls, first.failures)


def test_what_is_found_is_made_small(tmp_path: Path) -> None:
    from grammar import make

    program = make(7)
    small = reduce(program, lambda smaller: "class P1" in smaller.text and "powers.uart" in smaller.text)
    assert len(small.text) < len(program.text) / 3
    assert "class P1" in small.text
