"""Runs of fuzzers are added up if they tried the same code, and no seed is counted twice."""

import json

import fuzzing
import pytest


@pytest.fixture
def report(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzzing, "REPORT", tmp_path / "fuzz.json")
    monkeypatch.setattr(fuzzing, "code", lambda: ("abc", "one"))
    return lambda: json.loads((tmp_path / "fuzz.json").read_text())


def test_runs_of_the_same_code_are_added_up(report) -> None:
    fuzzing.record(app_lists=7)
    fuzzing.add_run("host", 0, 100, host_programs=30, findings=[])
    fuzzing.add_run("host", 100, 50, host_programs=12, findings=[{"seed": 101}])
    fuzzing.add_run("host", 900, 50, host_programs=1, findings=[])
    said = report()
    assert (said["app_lists"], said["host_programs"], said["findings"]) == (7, 43, [{"seed": 101}])
    assert [(run["first"], run["count"], run["commit"]) for run in said["runs"]] == [(0, 150, "abc"), (900, 50, "abc")]
    assert (fuzzing.next_seed("host"), fuzzing.next_seed("image")) == (950, 0)


def test_a_seed_is_counted_once(report) -> None:
    fuzzing.add_run("host", 0, 100, host_programs=30)
    with pytest.raises(ValueError, match="counted already"):
        fuzzing.add_run("host", 99, 2, host_programs=1)


def test_runs_of_other_code_are_kept_and_not_added(report, monkeypatch) -> None:
    fuzzing.add_run("host", 0, 100, host_programs=30)
    monkeypatch.setattr(fuzzing, "code", lambda: ("def", "other"))
    fuzzing.add_run("host", 100, 100, host_programs=5)
    assert report()["host_programs"] == fuzzing.counted("host", "host_programs") == 5
    assert len(report()["runs"]) == 2
    assert fuzzing.next_seed("host") == 200


def test_what_is_tried_changes_the_codes_name() -> None:
    commit, name = fuzzing.code()
    assert commit
    assert len(name) == 12
