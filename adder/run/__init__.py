"""Runs a board's kernel in a simulator, with its console, its pins and its buttons."""
