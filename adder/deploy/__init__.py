"""Apps on a board that is running: what is there, what comes, what goes."""
