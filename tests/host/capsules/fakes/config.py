"""The kernel's configuration as Kconfig's defaults have it; tests change single options."""

import adder.configure
from adder.board import ROOT

globals().update(adder.configure.values(adder.configure.load("qemu", ROOT / "no such folder")))
