"""Bring-up: one image that tests a board by itself, and the report of it (docs/bring-up.md)."""
