"""The long fuzzers' report: runs are added up if they tried the same code, no seed is counted twice, and `make fuzz`
runs whatever has something to count.
"""

import ast
import functools
import inspect
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fuzzing
import pytest

from adder.board import ROOT

TESTS = ROOT / "tests"


@pytest.fixture
def report(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzzing, "REPORT", tmp_path / "fuzz.json")
    monkeypatch.setattr(fuzzing, "RUNS", tmp_path / "fuzz-runs.json")
    monkeypatch.setattr(fuzzing, "code", lambda what: ("abc", "one"))
    return lambda: json.loads((tmp_path / "fuzz.json").read_text())


def test_runs_of_the_same_code_are_added_up(report) -> None:
    fuzzing.add_run("host", 0, 100, host_programs=30, findings=[])
    fuzzing.add_run("host", 100, 50, host_programs=12, findings=[{"seed": 101}])
    fuzzing.add_run("host", 900, 50, host_programs=1, findings=[])
    fuzzing.add_run("image", 0, 50, image_programs=9, findings=[{"seed": 7}])
    said = report()
    assert (said["host_programs"], said["image_programs"]) == (43, 9)
    assert said["findings"] == [{"seed": 101}, {"seed": 7}]
    runs = json.loads(fuzzing.RUNS.read_text())
    assert [(run["first"], run["count"], run["commit"]) for run in runs[:2]] == [(0, 150, "abc"), (900, 50, "abc")]
    assert (fuzzing.next_seed("host"), fuzzing.next_seed("image"), fuzzing.next_seed("other")) == (950, 50, 0)


def test_the_report_has_just_the_keys_that_it_shall_have_and_null_for_what_nobody_has_run(report) -> None:
    fuzzing.record("injector", injector_points=5, dead_witnesses=1)
    fuzzing.record("on its own account", injector_points=7, dead_witnesses=0)
    assert report() == dict.fromkeys(fuzzing.KEYS) | {"injector_points": 12, "dead_witnesses": 1}
    fuzzing.record("injector", injector_points=6, dead_witnesses=0)
    fuzzing.record("machine code", mutants=9, mutants_refused=8, mutants_run=1)
    fuzzing.add_run("host", 0, 1, host_programs=3, findings=[])
    fuzzing.add_run("image", 0, 1, image_programs=2, findings=[])
    assert list(report()) == [
        "host_programs", "image_programs", "mutants", "mutants_refused", "injector_points", "dead_witnesses",
        "findings",
    ]  # fmt: skip
    assert list(report().values()) == [3, 2, 9, 8, 13, 0, []]


def test_a_seed_is_counted_once(report) -> None:
    fuzzing.add_run("host", 0, 100, host_programs=30)
    with pytest.raises(ValueError, match="counted already"):
        fuzzing.add_run("host", 99, 2, host_programs=1)


def test_runs_of_other_code_are_kept_and_not_added(report, monkeypatch) -> None:
    fuzzing.add_run("host", 0, 100, host_programs=30)
    fuzzing.record("machine code", mutants=9)
    monkeypatch.setattr(fuzzing, "code", lambda what: ("def", "other"))
    fuzzing.add_run("host", 100, 100, host_programs=5)
    assert report()["host_programs"] == fuzzing.counted("host_programs") == 5
    assert report()["mutants"] is fuzzing.counted("mutants") is None
    assert len(json.loads(fuzzing.RUNS.read_text())) == 3
    assert fuzzing.next_seed("host") == 200


def test_what_is_tried_changes_the_codes_name() -> None:
    commit, name = fuzzing.code("injector")
    assert commit
    assert len(name) == 12
    assert fuzzing.code("host")[1] != name


# -- Whoever counts is run by `make fuzz`, and can be called as it is called -----------------------------------


@functools.cache
def sources() -> dict[Path, ast.Module]:
    """Of the tests, and of what they import; not what is there to be refused."""
    paths = [path for path in sorted(TESTS.rglob("*.py")) if "hostile" not in path.parts and path != Path(__file__)]
    texts = {path: path.read_text() for path in paths}
    return {path: ast.parse(text) for path, text in texts.items() if "fuzzing" in text or "long" in text}


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Of what writes the report."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("record", "add_run"):
            yield node


@functools.cache
def fuzzers(target: str) -> frozenset[str]:
    """The files that a target of the Makefile's runs at length."""
    show = f"show: ; @echo $({target})"
    said = subprocess.run(
        ["make", "-s", f"--eval={show}", "show"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    named = {name.partition("::")[0] for name in said.stdout.split()}
    return frozenset(
        str(path.relative_to(ROOT))
        for name in named
        for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("test_*.py"))
    )


def test_each_call_that_writes_the_report_is_one_that_can_be_made() -> None:
    """Most are made at the end of hours, and some type checkers do not see them."""
    made = [(path, call) for path, tree in sources().items() for call in calls(tree)]
    assert len(made) > 8
    for path, call in made:
        function: Callable[..., Any] = getattr(fuzzing, call.func.id)  # type: ignore[attr-defined]
        names = {word.arg: None for word in call.keywords if word.arg is not None}
        try:
            inspect.signature(function).bind(*call.args, **names)
        except TypeError as error:
            raise AssertionError(f"{path}, line {call.lineno}: {error}") from error


def test_each_key_of_the_report_is_written_by_something_that_make_fuzz_runs() -> None:
    at_length = fuzzers("FUZZERS")
    written = set()
    for path, tree in sources().items():
        folder_runs = any(Path(name).parent == path.parent.relative_to(ROOT) for name in at_length)
        if str(path.relative_to(ROOT)) in at_length or folder_runs:
            written |= {word.arg for call in calls(tree) for word in call.keywords}
    assert written >= set(fuzzing.KEYS)


ELSEWHERE = {
    "tests/system/test_soak.py": "make soak",
    "tests/system/test_board_variants.py": "make variants",
}


def test_make_fuzz_runs_each_test_that_is_longer_at_length() -> None:
    longer = {
        str(path.relative_to(ROOT))
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        if "long" in [argument.arg for argument in node.args.args]
    }
    assert longer - set(ELSEWHERE) == {name for name in longer if name in fuzzers("FUZZERS")}
    for name, command in ELSEWHERE.items():
        recipe = (ROOT / "Makefile").read_text().partition(f"\n{command.removeprefix('make ')}:")[2]
        assert name in recipe.partition("\n\n")[0], command
