"""Runs the real capsules under CPython on a model of the trusted core (fakes/).

Their names (kernel, cells, config, capsules, …) mean something else to the rest of the tests, so they are kept
private to this folder.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adder.board import ROOT

PATH = [str(Path(__file__).parent / "fakes"), str(ROOT), str(ROOT / "board")]
NAMES = (
    "app_flash",
    "budget",
    "capsules",
    "cells",
    "components",
    "config",
    "deployed",
    "hardware",
    "kernel",
    "micropython",
    "nrf52_buses",
    "nrf52_chip",
    "sbcon",
    "words",
)
_ours: dict[str, ModuleType] = {}


def _take() -> dict[str, ModuleType]:
    found = {name: sys.modules[name] for name in list(sys.modules) if name.split(".")[0] in NAMES}
    for name in found:
        del sys.modules[name]
    return found


@contextmanager
def model() -> Iterator[None]:
    """Within, the names above mean this folder's modules."""
    theirs, path = _take(), list(sys.path)
    sys.modules.update(_ours)
    sys.path[:0] = PATH
    try:
        yield
    finally:
        _ours.update(_take())
        sys.modules.update(theirs)
        sys.path[:] = path


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[Any]:
    """Import this folder's test files on the model."""
    with model():
        return (yield)


@pytest.fixture(autouse=True)
def budget() -> Iterator[None]:
    """A capsule that does not end fails its test and no other."""
    with model():
        from budget import budget as limited
    with limited():
        yield


@pytest.fixture(autouse=True)
def log() -> Any:
    """The kernel's log, empty."""
    with model():
        import kernel
    kernel.the_log.__init__()
    kernel._deferred.clear()
    return kernel.the_log


@pytest.fixture
def machine() -> Any:
    """A machine without drivers or processes."""
    with model():
        import kernel
    return kernel.Machine()
