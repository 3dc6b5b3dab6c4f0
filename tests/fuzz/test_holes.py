"""Holes that there were are found again if their mend is taken out: holes.toml."""

import re
import warnings
from collections.abc import Iterator

import pytest
from grammar import make
from holes import HOLES, build_opened, mends, open_holes
from on_host import Host
from on_image import Kernel

from adder.board import ROOT

pytestmark = pytest.mark.xdist_group("fuzz")

SOON = 30
PATIENCE = 20
"""Seconds for each thing that the board has to say; an accepted module is done in three."""
ON_HOST = [name for name, hole in HOLES.items() if hole["target"] == "host"]


@pytest.fixture(scope="module")
def opened() -> Iterator[Host]:
    """The kernel for this machine, with all holes open that show there."""
    folder = ROOT / "build" / "fuzz-holes"
    build_opened(folder)
    host = Host(folder, lambda name, text: open_holes(f"{name.replace('.', '/')}.py", text))
    yield host
    host.end()


def test_most_programs_do_no_harm_though_all_holes_are_open(opened: Host) -> None:
    """One that hit every program would hide the others."""
    tried = [(make(seed), seed) for seed in range(20)]
    reports = [opened.run(program.text, seed, program.words, program.emit).report for program, seed in tried]
    assert reports.count("") > 15, set(reports)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", ON_HOST)
def test_the_fuzzer_finds_the_hole_again(name: str, opened: Host) -> None:
    hole = HOLES[name]
    for seed in range(hole["seed"], hole["seed"] + hole["count"]):
        program = make(seed)
        result = opened.run(program.text, seed, program.words, program.emit)
        if not re.search(hole["shows"], result.report):
            continue
        if opened.verify(program.text, program.words, hole.get("without", ())):
            continue  # it would not have been run
        if seed > hole["seed"] + SOON:
            warnings.warn(f"holes.toml: {name} is found sooner with seed = {seed}", stacklevel=1)
        return
    pytest.fail(f"{hole['count']} modules from seed {hole['seed']} on do not show it", pytrace=False)


@pytest.mark.parametrize("name", [name for name, hole in HOLES.items() if hole["target"] == "image"])
def test_the_fuzzer_finds_in_the_image_what_the_second_verifier_refuses(name: str, sample_kernel: Kernel) -> None:
    hole = HOLES[name]
    refused = [sample_kernel.seeds[module] for module in sorted(sample_kernel.compiled_ones - sample_kernel.taken)]
    tried = [seed for seed in refused if seed in range(hole["seed"], hole["seed"] + hole["count"])]
    assert tried, f"of the sample (conftest.py) the second verifier refuses the seeds {refused}: choose another sample"
    assert sample_kernel.boot([min(sample_kernel.taken)]) == "", "an accepted module does no harm"
    shown = (sample_kernel.boot([sample_kernel.module_of(seed)], patience=PATIENCE) for seed in tried)
    assert any(re.search(hole["shows"], one) for one in shown), f"none of {tried} shows it"


@pytest.mark.parametrize("name", [name for name, hole in HOLES.items() if mends(hole)])
def test_the_mend_is_where_it_is_said_to_be(name: str) -> None:
    assert mends(HOLES[name])
    for mend in mends(HOLES[name]):
        assert (ROOT / mend["file"]).read_text().count(mend["old"]) == 1, mend["file"]
