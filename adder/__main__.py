"""Runs the tool as `python -m adder`."""

from adder.cli import main

if __name__ == "__main__":
    main()
