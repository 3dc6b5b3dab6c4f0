"""Runs the real capsules under CPython, on stand-ins for the trusted core (fakes/)."""

import sys
from pathlib import Path

import pytest

from adder.board import ROOT

sys.path[:0] = [str(Path(__file__).parent / "fakes"), str(ROOT), str(ROOT / "board")]

import kernel


@pytest.fixture(autouse=True)
def log() -> "kernel.KernelLog":
    """The kernel's log, empty."""
    kernel.the_log.__init__()
    return kernel.the_log


@pytest.fixture
def machine() -> "kernel.Machine":
    """A machine without drivers or processes."""
    return kernel.Machine()
