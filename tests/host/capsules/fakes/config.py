"""The kernel's configuration as Kconfig's defaults have it; tests change single options."""

import adder.board.configuration
from adder.board import ROOT

globals().update(adder.board.configuration.values(adder.board.configuration.load("qemu", ROOT / "no such folder")))
