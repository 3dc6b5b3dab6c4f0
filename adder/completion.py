"""The verb `adder completion install`: the shell completes verbs, options and files."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from adder.errors import AdderError
from adder.output import tell

MARK = "# adder: completion of its verbs and options"
FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/completions/adder.fish"}


def _shell(name: str | None) -> str:
    found = name or Path(os.environ.get("SHELL", "")).name
    if found not in FILES:
        raise AdderError(f"No completion for the shell '{found}'; name one of {', '.join(FILES)} by --shell.")
    return found


def script(shell: str) -> str:
    """What the shell is to run."""
    from adder.cli import cli

    maker = get_completion_class(shell)
    assert maker is not None
    return maker(cli, {}, "adder", "_ADDER_COMPLETE").source()


@click.group()
def completion() -> None:
    """Complete `adder`'s verbs, options and files in the shell."""


_option = click.option("--shell", metavar="NAME", help="bash, zsh or fish.  [default: that of $SHELL]")


@completion.command()
@_option
def show(shell: str | None) -> None:
    """Print what the shell is to run."""
    print(script(_shell(shell)))


@completion.command()
@_option
def install(shell: str | None) -> None:
    """Put it where the shell looks when it starts. Doing so again changes nothing."""
    name = _shell(shell)
    path = Path.home() / FILES[name]
    text = path.read_text() if path.is_file() else ""
    if MARK in text:
        tell(f"{path} has it already.")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(f"{'' if not text or text.endswith(chr(10)) else chr(10)}{MARK}\n{script(name)}\n")
    tell(f"Written to {path}; the next shell completes `adder`.")
