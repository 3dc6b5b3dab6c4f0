"""Apps: their files (ELF, TBF, TAB), how they are made, and whether a board can start them."""
