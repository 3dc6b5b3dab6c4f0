"""`adder image`: the apps in a simulated flash; the file that puts kernel and apps onto a board."""

from collections.abc import Sequence
from pathlib import Path

import click

from adder.apps.app_files import App, read_candidates
from adder.apps.loading import Verdict, load
from adder.apps.tbf import FOR_TOCK_1, PythonProgram, may_be_for_tock_1
from adder.board import ROOT, board_names, load_board
from adder.errors import AdderError
from adder.files import write_text
from adder.flash.command import export
from adder.flash.image import load_image
from adder.image.flash_image import ERASED, FlashImage, is_kept
from adder.output import console, table
from adder.text import counted, read_text


def _state(verdict: Verdict, kept: bool) -> str:
    header = verdict.header
    if header is None:
        return "damaged"
    if kept:
        return "kept to go back to"
    words = ["enabled" if header.enabled else "disabled"]
    if header.fixed_addresses.flash is not None:
        words.append("fixed address")
    if header.find(PythonProgram) is not None:
        words.append("Python")
    if verdict.problem and header.enabled:
        words.append("does not start")
    return ", ".join(words)


def show(image: FlashImage) -> None:
    """A table of what lies in the app flash, and what the kernel will make of it."""
    out, flash = console(), image.flash
    rows = table("address", "app", "state", right=("flash", "RAM"))
    contents = image.as_taken()
    there, unreadable = image.contents()
    kept = {placed.address for placed in there if is_kept(placed.app)}
    used = apps = 0
    problems = []
    for verdict in load(contents, image.board):
        header = verdict.header
        if header is not None and header.program is None and not verdict.problem:
            continue  # padding
        size = verdict.size or len(contents[verdict.address - flash.start :].rstrip(bytes([ERASED])))
        if verdict.problem and (header is None or header.enabled):
            what = header.title if header is not None else f"{verdict.address:#010x}"
            problems.append(f"{what}: {verdict.problem.rstrip('.')}.")
        elif header is not None and header.enabled and may_be_for_tock_1(header):
            problems.append(f"{header.title}: it names no version of the kernel's interface; {FOR_TOCK_1}.")
        used += size
        apps += header is not None
        program = header.program if header is not None else None
        ram = f"{program.min_ram:,}" if program is not None else ""
        name = header.title if header is not None else "(damaged)"
        rows.add_row(f"{verdict.address:#010x}", name, _state(verdict, verdict.address in kept), f"{size:,}", ram)
    if rows.row_count:
        out.print(rows)
    out.print(f"{counted(apps, 'app')}, {used:,} of {flash.size:,} bytes of flash used")
    for problem in problems:
        out.print(problem)
    if any(block.ends_list for block in unreadable):
        out.print(
            f"The list of apps breaks at {unreadable[-1].address:#010x}: the kernel finds nothing behind it. "
            "What is there stays until `adder image erase`, or `install --only`."
        )
    elif unreadable:
        out.print("What is damaged stays until `adder image remove IMG ADDRESS`.")


def check_exists(img: Path) -> None:
    """Refuse to look for apps in an image that is not there."""
    if not img.exists():
        raise AdderError(f"{img} does not exist; `adder image install` makes it.")


def check_place(img: Path, board: str) -> None:
    """Refuse to make an image where nobody will look for it: without its folder, or beside another board's kernel."""
    folder = img.resolve().parent
    if img.exists():
        return
    if not folder.is_dir():
        raise AdderError(f"There is no folder {img.parent} to make {img.name} in.")
    if folder.name in board_names() and folder.name != board and folder.parent == (ROOT / "build").resolve():
        raise AdderError(f"{img} would be the flash of {folder.name}; say so with `--board {folder.name}`.")


def _change_set(path: Path | None, apps: Sequence[App]) -> list[str]:
    """The names of the apps that the set in this file had and has no more."""
    if path is None:
        return []
    before = read_text(path).splitlines() if path.exists() else []
    return [name for name in before if name not in {app.name for app in apps}]


@click.group()
def image() -> None:
    """Put apps into a simulated flash, list them, remove them; export an image for a board.

    IMG is the file that `adder simulate` has as flash: build/qemu/flash.img, or with --board
    build/BOARD/flash.img.
    """


_IMAGE = click.argument("img", type=click.Path(dir_okay=False, path_type=Path))
_BOARD = click.option(
    "--board", "name", default="qemu", show_default=True, help="Whose image it is: QEMU's, or a simulated nRF52840's."
)


@image.command("install")
@_IMAGE
@_BOARD
@click.argument("tbfs", metavar="TBF...", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--only", is_flag=True, help="Remove all other apps.")
@click.option("--extra-ram", metavar="BYTES", type=click.IntRange(0), default=0, help="More RAM than they ask for.")
@click.option(
    "--set", "list_file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="FILE keeps their names; apps that it named before, and that are not given now, are removed.",
)  # fmt: skip
def install_command(
    img: Path, name: str, tbfs: tuple[Path, ...], only: bool, extra_ram: int, list_file: Path | None
) -> None:
    """Install apps from TBF or TAB files.

    An installed app of the same name is replaced. IMG is made if it does not exist. An app that cannot start on
    the board is refused, with the reason.
    """
    if not tbfs and list_file is None:
        raise click.UsageError("Missing argument 'TBF...': the files of the apps.")
    files = [[app.with_more_ram(extra_ram) for app in read_candidates(path)] for path in tbfs]
    named = [file[0] for file in files]
    board = load_board(name)
    check_place(img, name)
    flash = FlashImage(img, board)
    flash.install(files, only=only, without=_change_set(list_file, named))
    if list_file is not None:
        list_file.parent.mkdir(parents=True, exist_ok=True)
        write_text(list_file, "".join(f"{app.title}\n" for app in named))
    show(flash)


@image.command("list")
@_IMAGE
@_BOARD
def list_command(img: Path, name: str) -> None:
    """List the installed apps."""
    check_exists(img)
    show(FlashImage(img, load_board(name)))


@image.command("remove", short_help="Remove apps by their names.")
@_IMAGE
@_BOARD
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
def remove_command(img: Path, name: str, names: tuple[str, ...]) -> None:
    """Remove the apps called NAME, or what is damaged at the address NAME; what they stored stays."""
    check_exists(img)
    flash = FlashImage(img, load_board(name))
    flash.remove(*names)
    show(flash)


@image.command("erase")
@_IMAGE
@_BOARD
@click.option("--storage", is_flag=True, help="Erase what apps stored, too.")
def erase_command(img: Path, name: str, storage: bool) -> None:
    """Remove all apps."""
    flash = FlashImage(img, load_board(name))
    flash.erase(storage=storage)
    show(flash)


@image.command("export", short_help="Put a kernel and apps into one file for a board.")
@click.argument("kernel", type=click.Path(path_type=Path))
@click.argument("apps", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="The file; its name ends in .hex, .bin, .uf2 or .zip (a DFU package).",
)  # fmt: skip
@click.option("--board", "board_name", default="nrf52840", show_default=True, metavar="BOARD", help="Which board.")
@click.option(
    "--dfu", type=click.Choice(["nordic", "adafruit"]), default="nordic", show_default=True,
    help="Whose bootloader a .zip is for.",
)  # fmt: skip
def export_command(kernel: Path, apps: tuple[Path, ...], out: Path, board_name: str, dfu: str) -> None:
    """Put a kernel and apps into one file that any tool can write to a board.

    KERNEL is an ELF file, which itself says where it lies. A .uf2 file can be copied to the drive of a UF2
    bootloader; `adder flash` writes to a board directly.
    """
    export(load_image(kernel, apps, load_board(board_name)), out, dfu)
