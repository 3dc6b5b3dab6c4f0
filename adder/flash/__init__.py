"""Puts the kernel and apps onto a board, through whatever probe or bootloader there is."""
