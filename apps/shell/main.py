"""The shell: MicroPython's prompt, with files that stay in `/storage` and the installed apps in `/apps`.

    make run APPS="shell hello blink"

It is an app like any other, and may do what its permissions say (app.toml). docs/shell.md
"""

from shell import console, start

start()
