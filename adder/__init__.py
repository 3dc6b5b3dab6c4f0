"""The host tool of Adder: builds apps, fills the simulated flash, runs and measures the kernel."""

__version__ = "0.1.0"
