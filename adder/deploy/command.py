"""The verbs `adder apps`, `install`, `remove`, `start`, `stop`, `watch`, `apply`: apps on a board that is running."""

import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from adder.apps.app_files import App, read_app, read_app_file, without_doubles
from adder.apps.python_app import build
from adder.apps.tbf import TbfError
from adder.deploy.difference import Difference, difference
from adder.deploy.find import board
from adder.deploy.remote import Installed, Remote, fitting
from adder.deploy.sets import read_set
from adder.deploy.trial import await_verdict, check_verdict
from adder.duration import HOUR, Duration
from adder.errors import AdderError
from adder.flash.method import bar
from adder.output import console, table, tell
from adder.text import counted

port_option = click.option(
    "--port", metavar="PORT", help="The console's serial port.  [default: that of the simulation, or of the only board]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for a program to read.")

PLAIN = re.compile(r"[A-Za-z0-9_][\w.+-]*", re.ASCII)
"""A name that is no option, and in which no shell sees anything but a name."""

LOOK = 0.1
"""Seconds of the host between two looks at a file that is watched."""


def on_a_board(function: Callable[..., Any]) -> Callable[..., Any]:
    return port_option(json_option(function))


def read_source(path: Path) -> App:
    """The app in a TBF or TAB; or a Python app, which is built."""
    if path.suffix.lower() == ".py" or path.is_dir():
        return read_app(build(path).tbf.encode(), str(path))
    return read_app_file(path)


def read_sources(paths: Sequence[Path]) -> list[App]:
    apps = without_doubles([fitting(read_source(path)) for path in paths])
    for app in apps:
        check(app)
    return apps


def check(app: App) -> None:
    """What cannot be put into a board that runs."""
    if not app.name:
        raise TbfError("The app has no name, by which it could be replaced or removed.")
    if app.fixed_address is not None:
        raise TbfError(
            f"{app.title} is linked for the address {app.fixed_address:#x}; only apps that can lie anywhere can be "
            "installed while others run. `adder image` or `adder flash` installs it."
        )


def described(app: Installed) -> dict[str, Any]:
    """For programs."""
    return {
        "name": app.name,
        "version": app.version,
        "state": app.state_name,
        "enabled": app.enabled,
        "sticky": app.sticky,
        "flash": {"start": app.start, "size": app.size},
        "ram": app.ram,
        "restarts": app.restarts,
        "dropped_upcalls": app.dropped,
    }


def apps_complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the board's apps that begin so, for the shell; none if no board answers soon."""
    try:
        with board(ctx.params.get("port"), patience=1.0) as remote:
            names = [app.name for app in remote.apps() if app.is_app and app.name.startswith(incomplete)]
            return [CompletionItem(name) for name in names if PLAIN.fullmatch(name)]  # it gets into a command line
    except AdderError:
        return []


def say(as_json: bool, contents: Any, text: str) -> None:
    tell(json.dumps(contents, indent=2)) if as_json else console().print(text)


@click.command()
@on_a_board
def apps(port: str | None, as_json: bool) -> None:
    """Show the apps on the board, and what they are doing."""
    with board(port) as remote:
        found = remote.apps()
        free = remote.about.flash - sum(-(-app.size // 4096) * 4096 for app in found)
    if as_json:
        tell(json.dumps([described(app) for app in found], indent=2))
        return
    rows = table("app", "state", right=("version", "flash", "RAM", "restarts"))
    for app in found:
        title = app.header.title if app.header else f"(damaged at {app.start:#x})"
        ram = f"{app.ram:,}" if app.ram else ""
        rows.add_row(title, app.state_name, str(app.version or ""), f"{app.size:,}", ram, str(app.restarts or ""))
    if rows.row_count:
        console().print(rows)
    console().print(f"{counted(len(found), 'app')}, {max(free, 0):,} of {remote.about.flash:,} bytes of flash free")


@click.command()
@on_a_board
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--keep", is_flag=True, help="Keep the version that was there, to go back to by `adder rollback`.")
@click.option(
    "--trial", "trial_time", type=Duration(1, HOUR), metavar="TIME",
    help="Take it back if it fails in this time, such as 30s.",
)  # fmt: skip
@click.option("--extra-ram", metavar="BYTES", type=click.IntRange(0), default=0, help="More RAM than they ask for.")
def install(
    files: tuple[Path, ...], keep: bool, trial_time: float | None, extra_ram: int, port: str | None, as_json: bool
) -> None:
    """Install apps on the board while the others run, and start them.

    A FILE is a TBF, a TAB, or a Python app's source, which is built. An app takes the place of one of its name.
    Several are installed at once, or none.

    With --trial, what was there before comes back if an app faults, is started again, or hangs, or the board is reset.
    """
    new = [app.with_more_ram(extra_ram) for app in read_sources(files)]
    trial = round(trial_time or 0)
    with board(port) as remote:
        _install(remote, new, quiet=as_json, keep=keep, trial=trial)
    if trial:
        check_verdict(await_verdict(port, trial), [app.title for app in new])
    with board(port) as remote:
        found = [app for app in remote.apps() if app.is_app and app.name in {it.name for it in new}]
        if as_json:
            tell(json.dumps([described(app) for app in found], indent=2))
        for app in found:
            if app.enabled and app.slot is None:
                _start_anew(remote, app)


def _start_anew(remote: Remote, app: Installed) -> None:
    """Once more, for the board to say why it has not started."""
    try:
        remote.start(app)
    except AdderError as error:
        raise AdderError(f"{app.name} is installed, but has not started: {error}") from error


def _install(remote: Remote, new: Sequence[App], quiet: bool, keep: bool, trial: int) -> None:
    if quiet:
        remote.apply(install=new, keep=keep, trial=trial)
        return
    title = f"Installing {', '.join(app.title for app in new)}"
    with bar(title, sum(app.size for app in new)) as progress:
        remote.apply(install=new, progress=progress.advance, keep=keep, trial=trial)


@click.command()
@on_a_board
@click.option("--force", is_flag=True, help="Sticky apps, too.")
@click.argument("names", metavar="APP...", nargs=-1, required=True, shell_complete=apps_complete)
def remove(names: tuple[str, ...], force: bool, port: str | None, as_json: bool) -> None:
    """Remove apps from the board: all of them at once.

    Of something damaged, APP is where it lies, as `adder apps` shows it.
    """
    with board(port) as remote:
        damaged = remote.damaged()
        sticky = [app.name for app in map(remote.find, (name for name in names if name not in damaged)) if app.sticky]
        if sticky and not force:
            raise AdderError(f"{', '.join(sticky)}: sticky, so removed with --force only.")
        remote.apply(remove=names)
    say(as_json, {"removed": list(names)}, f"Removed {', '.join(names)}.")


@click.command()
@on_a_board
@click.argument("names", metavar="APP...", nargs=-1, required=True, shell_complete=apps_complete)
def start(names: tuple[str, ...], port: str | None, as_json: bool) -> None:
    """Start apps; one that was disabled starts at each boot from now on."""
    with board(port) as remote:
        for app in map(remote.find, names):
            remote.start(app)
    say(as_json, {"started": list(names)}, f"Started {', '.join(names)}.")


@click.command()
@on_a_board
@click.option("--disable", is_flag=True, help="From now on, they do not start at boot either.")
@click.argument("names", metavar="APP...", nargs=-1, required=True, shell_complete=apps_complete)
def stop(names: tuple[str, ...], disable: bool, port: str | None, as_json: bool) -> None:
    """Stop apps, until they are started or the board boots."""
    with board(port) as remote:
        found = list(map(remote.find, names))
        if disable:
            remote.apply(disable=names)
        else:
            for app in found:
                remote.stop(app)
    say(as_json, {"stopped": list(names)}, f"Stopped {', '.join(names)}.")


@click.command()
@port_option
@click.argument("file", metavar="FILE", type=click.Path(exists=True, path_type=Path))
def watch(file: Path, port: str | None) -> None:
    """Install an app each time its file is saved, until Ctrl-C.

    FILE is a Python app's source, a TBF or a TAB. What cannot be built is said, and waits for the next time.
    """
    out = console()
    seen: tuple[float, ...] = ()
    out.print(f"Watching {file}; Ctrl-C ends it.")
    while True:
        now = _stamp(file)
        if now and now != seen:
            seen = now
            begun = time.monotonic()
            try:
                new = read_sources([file])
                with board(port) as remote:
                    remote.apply(install=new)
            except (AdderError, OSError) as error:  # an editor may have it in its hands
                out.print(f"{error}")
            else:
                took = time.monotonic() - begun
                out.print(f"{new[0].title}: {counted(new[0].size, 'byte')} installed, {took:.1f} s after it was saved")
        time.sleep(LOOK)


def _stamp(path: Path) -> tuple[float, ...]:
    """When what is there was changed; nothing while an editor has it in its hands."""
    try:
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        return tuple(value for file in files for value in (file.stat().st_mtime_ns, file.stat().st_size))
    except FileNotFoundError:
        return ()


@click.command()
@on_a_board
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.argument("file", metavar="SET.toml", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def apply(file: Path, dry_run: bool, port: str | None, as_json: bool) -> None:
    """Make the board's apps those of a set: all changes at once, or none.

    \b
    The file says which apps there are to be:
      only = true                      # no others; without it, others stay
      [apps]
      blink = "blink.py"               # a TBF, a TAB or a Python app, beside this file
      clock = {file = "clock.tab", enabled = false}
      old = false                      # is not to be there
    """
    wanted = read_set(file)
    new = {name: fitting(read_source(it.file)) for name, it in wanted.apps.items() if it.file is not None}
    for name, app in new.items():
        check(app)
        if app.name != name:
            raise AdderError(f"{file}: the app in {wanted.apps[name].file} is called '{app.title}', not '{name}'.")
    with board(port) as remote:
        there = {app.name: app for app in remote.apps() if app.is_app}
        found = difference(remote, there, wanted, new)
        if not as_json:
            for line in found.lines:
                console().print(line)
        if not dry_run and found.changes:
            _apply(remote, found, quiet=as_json)
    done = "would change" if dry_run else "changed"
    if as_json:
        tell(json.dumps({done.replace(" ", "_"): found.for_programs()}, indent=2))
    else:
        console().print(f"{counted(found.changes, 'app')} {done}." if found.changes else "Nothing to change.")


def _apply(remote: Remote, found: Difference, quiet: bool) -> None:
    def go(progress: Callable[[int], None]) -> None:
        remote.apply(
            install=found.install,
            remove=found.remove,
            enable=found.enable,
            disable=found.disable,
            progress=progress,
        )

    total = sum(app.size for app in found.install)
    if quiet or not total:
        go(lambda count: None)
        return
    with bar(f"Installing {', '.join(app.title for app in found.install)}", total) as progress:
        go(progress.advance)
