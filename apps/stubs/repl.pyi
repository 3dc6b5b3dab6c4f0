"""MicroPython's prompt as an app (permission "console"; to be in the foreground, its command 64 as well).

    import repl
    repl.run()
"""

def run(raw: bool = False, /) -> None:
    """Serve the prompt on the console until Ctrl-D; then the interpreter starts afresh, and the program with it.

    With `raw`, the raw prompt that tools talk to, until it is left by Ctrl-B.
    """
    ...

def is_raw() -> bool:
    """Whether the prompt is raw, or was when the interpreter started afresh."""
    ...

def read_line(prompt: str, /) -> str | int:
    """A line that is typed, edited as at the prompt, with its history; or the number of the control character that ended it."""
    ...
