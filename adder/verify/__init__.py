"""The verifier of Capsule Python, the language of capsules, drivers and boards: docs/capsule-python.md.

It stands between a source file and the kernel's image: what it does not know, it refuses. It never runs what it
reads. `rules.py` has the rules, `whitelist.py` the lists, `functions.py` what is reached of C, `check.py` the walk;
`text.py`, `assigned.py`, `proved.py`, `words.py`, `at_wiring.py` and `interface.py` each hold one question that needs
more than a list.
"""

from collections.abc import Container, Mapping
from pathlib import Path

from adder import mpy_cross
from adder.verify.at_wiring import reads_at_wiring
from adder.verify.check import Check
from adder.verify.findings import Finding, Report
from adder.verify.interface import check_interface
from adder.verify.program import Names, Profile, Program, name_of, profile_of
from adder.verify.text import check_syntax, parse
from adder.verify.words import Words, functions_named

__all__ = ["Finding", "name_of", "verify_program", "verify_text"]


def verify_program(
    modules: Program, words: Mapping[str, str] | None = None, without: Container[str] = ()
) -> list[Finding]:
    """All findings on these modules, sorted.

    `words` lists functions of machine words as [words] of mpy-cross.cfg does, which it is if not given. `without`
    switches rules off, for tests alone.
    """
    words = mpy_cross.read_config()["words"] if words is None else words
    found: list[Finding] = []
    for name in modules:
        found += verify_module(modules, name, words.get(name.replace(".", "/"), "").split())
    return sorted(finding for finding in found if finding.rule not in without)


def verify_module(program: Program, name: str, words: list[str]) -> list[Finding]:
    """All findings on one module of a program."""
    path, text = program[name]
    report = Report(str(path))
    tree = parse(text, report)
    if tree is None:
        return list(report.found)
    profile = profile_of(name)
    names = Names(program, name, profile, report)
    try:
        names.collect(tree.body)
        check = Check(names, text, report)
        for node in tree.body:
            check.top(node)
        for function in functions_named(tree, words):
            if not report.has(function, ("CP002", "CP015", "CP017")):
                Words(function, names.kinds, report)
        for where, what in reads_at_wiring(tree, profile):
            report.add(where, "CP027", what)
        if profile is Profile.CAPSULE:
            check_interface(tree, report)
        if not report.found:
            check_syntax(tree, report)
    except RecursionError:
        report.add(1, "CP018", "nested too deeply to be looked at")
    return list(report.found)


def verify_text(
    text: str,
    path: Path | str = "capsule.py",
    name: str | None = None,
    words: Mapping[str, str] | None = None,
    without: Container[str] = (),
) -> list[Finding]:
    """All findings on one module; what it imports is looked up in the repository."""
    path = Path(path)
    return verify_program({name or name_of(path): (path, text)}, words, without)
