"""Who holds which power on a board, read from the wired kernel: the verb `adder powers`.

A capsule holds a power if an object that it has made refers to it: a window onto registers, a field or one of its
operations, an interrupt line, a range of the flash, a grant, the control of processes, the kernel's messages. What the
board's own file holds is left out, since it hands out all of it.

`powers.toml` in the board's folder may say who alone shall: `[only]`, then `uart0 = ["uart"]`. The build looks.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adder.board import board_folder, load_board, read_manifest
from adder.errors import AdderError
from adder.output import tell
from adder.text import read_text
from adder.toml import TomlError, read_toml
from adder.wire.check import Thing, Wired

CONSTANTS = {
    "kernel_log_power": "the kernel's messages",
    "process_control_power": "processes",
    "process_loader_power": "loading and unloading",
}


@dataclass(frozen=True, order=True)
class Edge:
    """A capsule's power over something."""

    target: str
    how: str
    capsule: str


def edges(wired: Wired) -> list[Edge]:
    """All of them."""
    found = set()
    for thing in wired.things.values():
        owner = wired.owner(thing.address)
        if owner == 0 or describe(wired, thing.address) is not None:
            continue  # the board's, or itself a power: who refers to that one holds it
        for address in thing.refers:
            if (power := describe(wired, address)) is not None:
                found.add(Edge(*power, wired.capsule(owner).removeprefix("capsule ")))
    return sorted(found)


def describe(wired: Wired, address: int) -> tuple[str, str] | None:
    """What a power is over, and what one can do with it; None if it is not a power."""
    constant = wired.image.names.get(address, "")
    if constant in CONSTANTS:
        return CONSTANTS[constant], "all"
    thing = wired.things.get(address)
    if thing is None:
        return None
    word = [wired.word(address + offset) for offset in range(0, min(thing.size, 20), 4)]
    match thing.kind:
        case "registers_type":
            return wired.peripheral_at(wired.image.word(word[1] + 4))[0], "all registers"
        case "register_field_type":
            return field(wired, thing)[
                0
            ], f"{field(wired, thing)[1]} {'read, write' if word[3] >> 8 & 0xFF else 'read'}"
        case "field_operation_type":
            target, bits = field(wired, wired.things[word[1]])
            return target, f"{bits} {wired.qstr(word[2])}"
        case "interrupt_line_type":
            return line(wired, word[1]), "all"
        case "flash_range_type":
            regions = wired.manifest["memory"].items()
            return next(f"flash '{name}'" for name, it in regions if it["start"] == word[1]), "all"
        case "grant_type":
            return f"grant 0x{wired.driver(word[1]):x}", "all"
        case "mp_type_bound_meth" | "callback_type":
            whose = describe(wired, word[2])
            method = wired.image.names.get(word[1], "").removesuffix("_obj")
            return None if whose is None else (whose[0], method)
    return None


def field(wired: Wired, thing: Thing) -> tuple[str, str]:
    """A field's peripheral, and which bits of which register it is."""
    _, address, mask, rest = (wired.word(thing.address + offset) for offset in range(0, 16, 4))
    name, entry = wired.peripheral_at(address)
    low = rest & 0xFF
    return name, f"+0x{address - entry['base']:03x} [{low + mask.bit_length() - 1}:{low}]"


def line(wired: Wired, number: int) -> str:
    """What an interrupt line is called."""
    for name, entry in wired.manifest["peripherals"].items():
        for part, irq in entry.get("irq", {}).items():
            if irq == number:
                return f"interrupt {name}.{part}"
    return f"software line {number}"


def listing(found: list[Edge]) -> str:
    """A line for each capsule and what it has a power over: the registers, or what it can do."""
    merged: dict[tuple[str, str], list[str]] = defaultdict(list)
    for edge in found:
        merged[edge.target, edge.capsule].append(edge.how)
    rows = [(target, capsule, "; ".join(hows)) for (target, capsule), hows in sorted(merged.items())]
    wide = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    return "".join(f"{target:{wide[0]}}  {capsule:{wide[1]}}  {hows}\n" for target, capsule, hows in rows)


def graph(found: list[Edge]) -> str:
    """The same for Graphviz."""
    merged: dict[tuple[str, str], list[str]] = defaultdict(list)
    for edge in found:
        merged[edge.capsule, edge.target].append(edge.how)
    lines = [
        f'    "{capsule}" -> "{target}" [label="{hows[0] if len(hows) == 1 else f"{len(hows)} ways"}"];'
        for (capsule, target), hows in sorted(merged.items())
    ]
    targets = "".join(f'    "{target}" [shape=box];\n' for target in sorted({edge.target for edge in found}))
    return "digraph powers {\n    rankdir=LR;\n" + targets + "\n".join(lines) + "\n}\n"


def known(manifest: dict[str, Any]) -> set[str]:
    """What rules may be about."""
    names = set(manifest["peripherals"]) | {f"flash '{name}'" for name in manifest["memory"]} | set(CONSTANTS.values())
    lines = ((name, part) for name, entry in manifest["peripherals"].items() for part in entry.get("irq", {}))
    return names | {f"interrupt {name}.{part}" for name, part in lines}


def forbidden(found: list[Edge], manifest: dict[str, Any], rules: Path) -> list[str]:
    """What the board's rules forbid; without a file, nothing."""
    if not rules.is_file():
        return []
    try:
        only = read_toml(read_text(rules)).get("only", {})
    except TomlError as error:
        raise AdderError(f"{rules}: {error}.") from error
    if unknown := sorted(set(only) - known(manifest)):
        raise AdderError(f"{rules}: there is no '{unknown[0]}'; known: {', '.join(sorted(known(manifest)))}.")
    return [
        f"{rules}: capsule {edge.capsule} holds a power over {edge.target} ({edge.how}), which is for"
        f" {' and '.join(only[edge.target]) or 'nobody'} alone."
        for edge in found
        if edge.target in only and edge.capsule.strip("'") not in only[edge.target]
    ]


def read(board: str, folder: Path) -> Wired:
    """The wired part of the kernel in a folder; if it has none, what it would be."""
    manifest = read_manifest(board, folder)
    unwired = folder / "kernel_unwired.elf"
    if not unwired.is_file():
        raise AdderError(f"{unwired} does not exist; `make kernel BOARD={board}` builds it.")
    from adder.wire import wire_kernel

    image = wire_kernel(board, folder)
    return Wired(unwired, manifest, (image.data, image.ram))


def rules_of(board: str) -> Path:
    return board_folder(board) / "powers.toml"


@click.command()
@click.argument("board", default="qemu")
@click.option("--dot", is_flag=True, help="As a graph for Graphviz.")
def powers(board: str, dot: bool) -> None:
    """Show which capsule of BOARD holds which power."""
    found = edges(read(board, load_board(board).build))
    if dot:
        tell(graph(found), end="")
        return
    tell(listing(found), end="")
    if problems := forbidden(found, read_manifest(board), rules_of(board)):
        raise AdderError("\n".join(problems))
