"""Fixtures that boot the real image: for tests of what users and apps see.

    def test_hello_says_hello(simulation):
        with simulation("hello") as board:
            board.expect("Hello")

Apps are named as in build/apps, or given as paths of TBF files. Each test has a flash of its own.
When a test fails, its report shows what the board's console said.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adder.board import ROOT
from adder.flash_image import FlashImage, read_app_file
from adder.python_app import build
from adder.simulate import Simulation
from adder.symbols import Symbols

BUILD = ROOT / "build"
_started = pytest.StashKey[list[Simulation]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="Run fuzzers and soaks at full length.")


def shared_in_file(item: pytest.Item) -> bool:
    """Whether the test uses what is made once for its file."""
    used = getattr(item, "_fixtureinfo", None)
    return used is not None and any(made[-1].scope == "module" for made in used.name2fixturedefs.values())


TOOK = "adder/took"
"""In pytest's cache: how many seconds each test took when it ran last."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests run side by side. Those that share what takes long to make are run by one process, one after the other:
    those of a file with fixtures of its scope, and those that say so by a mark of their own (`xdist_group`). What took
    longest the last time begins first, or in the end one process would work while the others have nothing to do.
    """
    took = json.loads(getattr(config, "workerinput", {}).get(TOOK, "{}"))
    groups: dict[str, float] = {}
    of_item: dict[pytest.Item, str] = {}
    for item in items:
        if item.get_closest_marker("xdist_group") is None and shared_in_file(item):
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{item.path.stem}"))
        mark = item.get_closest_marker("xdist_group")
        of_item[item] = mark.args[0] if mark is not None else item.nodeid
        groups[of_item[item]] = groups.get(of_item[item], 0) + took.get(item.nodeid, 0)
    items.sort(key=lambda item: -groups[of_item[item]])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process that runs tests how long they took."""
    cache = getattr(node.config, "cache", None)
    node.workerinput[TOOK] = json.dumps(cache.get(TOOK, {}) if cache is not None else {})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    name = report.nodeid.partition("@")[0]
    _seconds[name] = _seconds.get(name, 0) + report.duration


_seconds: dict[str, float] = {}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep how long they took now."""
    cache = getattr(session.config, "cache", None)
    if cache is not None and not hasattr(session.config, "workerinput"):
        known = {**cache.get(TOOK, {}), **{name: round(seconds, 2) for name, seconds in _seconds.items()}}
        cache.set(TOOK, known)


def pytest_report_collectionfinish(items: list[pytest.Item]) -> str:
    """What is meant by the number of tests."""
    functions = {(item.path, item.originalname) for item in items if isinstance(item, pytest.Function)}
    return f"{len(functions):,} test functions, {len(items):,} cases"


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether to run at full length (`make fuzz`, `make soak`) instead of what `make test` does."""
    return bool(request.config.getoption("--long"))


def _built(path: Path) -> Path:
    if not path.is_file():
        pytest.fail(f"{path.relative_to(ROOT)} has not been built; run `make test`.", pytrace=False)
    return path


@pytest.fixture(scope="session")
def kernel() -> Path:
    """The kernel's ELF file for QEMU's board."""
    return _built(BUILD / "qemu" / "kernel.elf")


@pytest.fixture(scope="session")
def kernel_symbols(kernel: Path) -> Symbols:
    """The kernel's symbols: `kernel_symbols["name"].address`."""
    return Symbols.read(kernel)


@pytest.fixture
def simulation(request: pytest.FixtureRequest, kernel: Path, tmp_path: Path) -> Iterator[Callable[..., Simulation]]:
    """Makes simulations: `simulation("hello", "blink", clock="fast")`, to be used with `with`.

    The flash image is `simulation(…).image`; further options are those of `Simulation`.
    """
    started: list[Simulation] = []
    request.node.stash[_started] = started

    def make(*apps: str | Path, **options: Any) -> Simulation:
        paths = [_built(BUILD / "apps" / f"{app}.tbf") if isinstance(app, str) else app for app in apps]
        image = FlashImage(tmp_path / f"flash{len(started)}.img")
        image.install([read_app_file(path) for path in paths], only=True)
        made = Simulation(kernel, image.path, **options)
        started.append(made)
        return made

    yield make
    for made in started:
        made.kill()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Add the consoles to the report of a failed test."""
    report = yield
    if report.failed:
        for number, made in enumerate(item.stash.get(_started, [])):
            report.sections.append((f"console of simulation {number}", made.transcript[-20000:]))
    return report


@pytest.fixture
def python_app(tmp_path: Path) -> Callable[..., Path]:
    """Builds Python apps: `python_app("print(1)", name="one", ram=16384)` is the path of a TBF file."""

    def make(text: str, name: str = "py", **settings: object) -> Path:
        values = "".join(
            f"# {key} = {str(value).lower() if isinstance(value, bool) else value}\n" for key, value in settings.items()
        )
        source = tmp_path / f"{name}.py"
        source.write_text(f'# /// script\n# [tool.adder]\n# name = "{name}"\n{values}# ///\n{text}\n')
        path = tmp_path / f"{name}.tbf"
        path.write_bytes(build(source).tbf.encode())
        return path

    return make
