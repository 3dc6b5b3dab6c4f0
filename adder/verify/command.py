"""The verb `adder verify`."""

import json
from collections.abc import Iterator
from pathlib import Path

import click

from adder.board import ROOT
from adder.errors import AdderError
from adder.output import console, table
from adder.text import MEGABYTE, counted, read_file
from adder.verify import Finding, verify_text
from adder.verify.rules import RULES, Rule

EVERYTHING = ("capsules", "board/components", "boards")


def shown(path: Path) -> Path:
    """A path as people write it: relative to where they are, if it is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The Python files among these files and folders."""
    for path in paths or [shown(ROOT / name) for name in EVERYTHING]:
        if path.is_dir():
            yield from sorted(path.rglob("*.py"))
        elif path.is_file():
            yield path
        else:
            raise AdderError(f"{path} does not exist.")


def read(path: Path) -> str:
    """A file's text; bytes that are no ASCII stay visible to the verifier, one character each."""
    return read_file(path, MEGABYTE).decode("latin-1")


def find_rule(name: str) -> Rule:
    """A rule by its id."""
    if name.upper() not in RULES:
        raise AdderError(f"There is no rule '{name}'; `adder verify --rules` lists them.")
    return RULES[name.upper()]


def explain(rule: Rule) -> str:
    """All that there is to say about a rule."""
    example = "\n".join("    " + line for line in rule.example.splitlines())
    return f"{rule.id}  {rule.title}\n\n{rule.reason}\n\nInstead: {rule.remedy}.\n\nRefused, for example:\n\n{example}"


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Findings for machines.")
@click.option("--rules", "list_rules", is_flag=True, help="List the rules.")
@click.option("--explain", "wanted", metavar="RULE", help="Say why a rule exists, and what to write instead.")
def verify(paths: tuple[Path, ...], as_json: bool, list_rules: bool, wanted: str | None) -> int:
    """Check that capsules, components and boards are Capsule Python.

    Without PATHS, all of them. Exits with 1 if anything is refused.
    """
    out = console()
    if list_rules:
        listing = table("rule", "what is refused")
        for rule in RULES.values():
            listing.add_row(rule.id, rule.title)
        out.print(listing)
        return 0
    if wanted is not None:
        out.print(explain(find_rule(wanted)))
        return 0
    checked = list(files(paths))
    if not checked:
        raise AdderError(f"There is no .py file in {', '.join(map(str, paths))}: nothing was checked.")
    found = [finding for path in checked for finding in verify_text(read(path), path)]
    if as_json:
        out.print(json.dumps([finding.for_machines() for finding in found], indent=2))
    else:
        for finding in found:
            out.print(str(finding))
        out.print(summary(found, len(checked)))
    return 1 if found else 0


def summary(found: list[Finding], files: int) -> str:
    """The last line."""
    if not found:
        return f"{counted(files, 'file is', 'files are')} Capsule Python"
    broken = len({finding.path for finding in found})
    what = f"{counted(len(found), 'finding')} in {broken} of {counted(files, 'file')}"
    return f"{what}; `adder verify --explain RULE` says more"
