"""Counts instructions, bytes, and lines that are trusted."""
