"""Fixtures that boot the real image: for tests of what users and apps see.

    def test_hello_says_hello(simulation):
        with simulation("hello") as board:
            board.expect("Hello")

Apps are named as in build/apps, or given as paths of TBF files. Each test has a flash of its own.
When a test fails, its report shows what the board's console said.
"""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adder.apps.python_app import build
from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import Simulation
from adder.symbols import Symbols

BUILD = ROOT / "build"
_started = pytest.StashKey[list[Simulation]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="Run fuzzers and soaks at full length.")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("side_by_side")
    # A shell's job in the background ignores Ctrl-C, and so would all that the tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
def unwired() -> Path:
    """The same kernel as it was before the build wired it: it has what the verifier of the image reads."""
    return _built(BUILD / "qemu" / "kernel_unwired.elf")


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
