"""MicroPython's prompt as an app (permission "console").

    import repl
    repl.run()
"""

def run() -> None:
    """Serve the prompt on the console until Ctrl-D; then the interpreter starts afresh, and the program with it."""
    ...
