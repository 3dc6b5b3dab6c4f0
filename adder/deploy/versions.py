"""What lies where in a board's flash, and in which version: the verbs `adder rollback` and `adder compact`."""

import click

from adder.deploy.command import apps_complete, on_a_board, say
from adder.deploy.find import board
from adder.text import counted


@click.command()
@on_a_board
@click.argument("name", metavar="APP", shell_complete=apps_complete)
def rollback(name: str, port: str | None, as_json: bool) -> None:
    """Go back to the version of an app that `adder install --keep` has kept; once more, and the newer one is back."""
    with board(port) as remote:
        old = remote.roll_back(name)
    which = f"version {old.version}" if old.version else "the version that was kept"
    say(as_json, {"name": name, "version": old.version}, f"{name}: {which} is back.")


@click.command()
@on_a_board
def compact(port: str | None, as_json: bool) -> None:
    """Move apps that do not run together in the flash, so that what is free is in one piece.

    One that runs stays where it is: stop it first with `adder stop`. Wherever the power is cut, each app is there once.
    """
    with board(port) as remote:
        before = remote.largest_piece(remote.apps())
        moved = remote.move_together()
        after = remote.largest_piece(remote.apps())
    text = (
        f"{counted(len(moved), 'app')} moved; of the free flash, {after:,} bytes are in one piece (before: {before:,})."
    )
    say(as_json, {"moved": moved, "largest_piece": {"before": before, "after": after}}, text)
