"""Tests run side by side: what one process runs, in what order, and in whose temporary folder.

A plugin of pytest's, which tests/conftest.py asks for.
"""

import functools
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from adder.board import ROOT

_temporary = pytest.StashKey[Path]()
COUNTED = pytest.StashKey[tuple[int, int]]()
"""How many test functions and cases were collected, if all were."""


def is_worker(config: pytest.Config) -> bool:
    """Whether this process runs tests for another one."""
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Tests and whatever they start have a temporary folder of their own, which has to be empty in the end."""
    if not is_worker(config):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())  # pytest's own folders, which it clears
        config.stash[_temporary] = Path(tempfile.mkdtemp(prefix="adder-tests-"))
        os.environ["TMPDIR"] = str(config.stash[_temporary])
        tempfile.tempdir = None


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if _temporary in config.stash:
        shutil.rmtree(config.stash[_temporary], ignore_errors=True)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for name in config.stash.get(_left, []):
        terminalreporter.write_line(f"A test has left {name} in the temporary folder.", red=True)


_left = pytest.StashKey[list[str]]()


@functools.cache
def group_of_file(path: Path) -> str | None:
    """The name that a file's tests share if one process is to run them all; None if each is for itself."""
    text = path.read_text()
    named = re.search(r'^pytestmark = pytest\.mark\.xdist_group\("(\w+)"\)', text, re.MULTILINE)
    if named is not None:
        return named[1]
    return str(path) if '@pytest.fixture(scope="module")' in text else None


def group_of(nodeid: str) -> str:
    """What belongs together has one name: tests that share what takes long to make."""
    return group_of_file(ROOT / nodeid.partition("::")[0]) or nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The scheduler that heeds that. (`--dist loadgroup` of pytest-xdist 3.8 gives each test to anybody: it writes the
    group into a test's name in a way that pytest 9 no longer sees.)
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return Together(config, log)


TOOK = "adder/took"
"""In pytest's cache: how many seconds each test took when it ran last."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What took longest the last time begins first, or in the end one process would work and the others do nothing."""
    took = json.loads(getattr(config, "workerinput", {}).get(TOOK, "{}"))
    groups: dict[str, float] = {}
    for item in items:
        groups[group_of(item.nodeid)] = groups.get(group_of(item.nodeid), 0) + took.get(item.nodeid, 0)
    items.sort(key=lambda item: -groups[group_of(item.nodeid)])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process that runs tests how long they took."""
    cache = getattr(node.config, "cache", None)
    node.workerinput[TOOK] = json.dumps(cache.get(TOOK, {}) if cache is not None else {})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0) + report.duration


_seconds: dict[str, float] = {}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Look for what they have left behind, and keep how long they took."""
    if _temporary in session.config.stash:
        session.config.stash[_left] = sorted(path.name for path in session.config.stash[_temporary].iterdir())
        if session.config.stash[_left] and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    cache = getattr(session.config, "cache", None)
    if cache is not None and not is_worker(session.config):
        known = {**cache.get(TOOK, {}), **{name: round(seconds, 2) for name, seconds in _seconds.items()}}
        cache.set(TOOK, known)


def count(items: list[pytest.Item]) -> tuple[int, int]:
    """What is meant by the number of tests: functions, and cases."""
    return len({(item.path, item.originalname) for item in items if isinstance(item, pytest.Function)}), len(items)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    chosen = session.config.option
    if [Path(one).name for one in session.config.args] == ["tests"] and not (
        chosen.keyword or chosen.markexpr or chosen.deselect or chosen.ignore
    ):
        session.config.stash[COUNTED] = count(session.items)


def pytest_report_collectionfinish(items: list[pytest.Item]) -> str:
    functions, cases = count(items)
    return f"{functions:,} test functions, {cases:,} cases"


@pytest.fixture(scope="session")
def counted(request: pytest.FixtureRequest) -> tuple[int, int]:
    """How many test functions and cases there are; skips the test if not all are run."""
    if COUNTED not in request.config.stash:
        pytest.skip("only `make test` collects all tests")
    return request.config.stash[COUNTED]
