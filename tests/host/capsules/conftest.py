"""Lets tests import the capsules themselves, on top of the stand-ins in fakes.py."""

import sys
from pathlib import Path

from adder.board import ROOT

sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]

import fakes  # noqa: E402

fakes.install()
