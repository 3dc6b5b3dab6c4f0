"""One list of drivers: in messages, in permissions, in the docs, in C, and in the capsules."""

import re

import pytest

from adder.apps.driver_docs import capsules
from adder.apps.drivers import ALSO, APART, DRIVERS, every_command, nearest, parse_permissions
from adder.apps.tbf import Permissions
from adder.board import ROOT
from adder.capsule import served
from adder.errors import AdderError


def test_c_apps_know_the_same_drivers() -> None:
    header = (ROOT / "apps" / "runtime" / "adder.h").read_text()
    in_c = {name.lower(): int(number, 0) for name, number in re.findall(r"DRIVER_(\w+) = (\w+),", header)}
    assert in_c == DRIVERS


def test_what_python_apps_are_told_names_the_same_drivers() -> None:
    source = (ROOT / "firmware" / "python_process" / "syscall_module.c").read_text()
    table = source.split("driver_names[] =", 1)[1].split(";", 1)[0]
    rows = re.findall(r'"\\x(\w\w)\\x(\w\w)\\x(\w\w)" "(\w+)\\0"', table)
    assert {name: int(high + middle + low, 16) for low, middle, high, name in rows} == DRIVERS
    assert len(rows) == table.count("\\0")


def test_the_docs_list_the_same_names() -> None:
    text = (ROOT / "docs" / "python-apps.md").read_text()
    listed = re.search(r"are those of their capsules: (.*?)\. (.*?)\. ", text, re.DOTALL)
    assert listed is not None
    assert re.findall(r"`(\w+)`", listed[1]) == list(DRIVERS)
    assert dict(re.findall(r"`(\w+)` is another name\s+of\s+`(\w+)`", listed[2])) == ALSO


def test_every_capsule_with_a_number_is_named_after_itself() -> None:
    assert len(served(ROOT)) > 10
    names = {number: name for name, number in DRIVERS.items()}
    several = {number for number, path in served(ROOT).items() if path.stem == "quantity"}
    assert {names[number] for number in several} == {
        "humidity", "ambient_light", "sound_pressure", "pressure", "moisture",
    }  # fmt: skip
    for number, path in served(ROOT).items():
        if path.parent.name != "bringup":  # in no board's kernel, so no app need know it
            assert number in several or DRIVERS[path.stem] == number, path


def test_every_name_can_be_permitted_and_an_unknown_one_is_answered_with_all_of_them() -> None:
    for name, number in [*DRIVERS.items(), *((also, DRIVERS[name]) for also, name in ALSO.items())]:
        assert parse_permissions([name]) == Permissions.of({number: every_command(number)})
        assert parse_permissions([f"{name}:1,3-5"]) == Permissions.of({number: {1, 3, 4, 5}})
    with pytest.raises(AdderError) as caught:
        parse_permissions(["storrage"])
    assert "did you mean 'storage'?" in str(caught.value)
    assert all(name in str(caught.value) for name in DRIVERS)


def test_a_permission_without_commands_allows_every_command_that_the_capsule_documents() -> None:
    looked_at = 0
    for capsule in capsules():
        section = re.search(r"(?ms)^Command\n((?: .*?\n|\n)+)", f"{capsule.docstring}\n")
        assert section is not None, capsule.path
        documented = {int(number) for number in re.findall(r"(?m)^ {4}(\d+) ", section[1])}
        assert documented, capsule.path
        for number in capsule.numbers:
            apart = {command for name, some in APART.items() if DRIVERS[name] == number for command in some}
            assert apart <= documented
            for spelling in (hex(number), *(name for name, known in DRIVERS.items() if known == number)):
                permissions = parse_permissions([spelling])
                assert permissions is not None
                allowed = {command for entry in permissions.permissions for command in entry.commands()}
                assert documented - apart <= allowed, (capsule.path, documented - allowed)
                assert not apart & allowed, f"{capsule.path}: what has to be named is not"
                needed = {command // 64 for command in documented - apart}
                assert len(permissions.permissions) == len(needed), f"{capsule.path}: a block that nothing is in"
                looked_at += 1
    assert looked_at > 2 * 20


@pytest.mark.parametrize(
    ("word", "known", "guess"),
    [
        ("colour", ["storage", "name", "ram"], None),
        ("numpy", ["micropython", "json", "math"], None),
        ("Ram", ["ram", "name"], "ram"),
        ("premissions", ["permissions", "name"], "permissions"),
        ("", ["led"], None),
    ],
)
def test_a_word_is_only_guessed_where_it_is_like_one(word: str, known: list[str], guess: str | None) -> None:
    assert nearest(word, known) == guess


@pytest.mark.parametrize(
    "text", ["0x2:x", "led:3-1", "led:0-99999", "0xq", "4294967296", "", ":1", "led:0-65535", "-1"]
)
def test_a_wrong_permission_is_one_sentence(text: str) -> None:
    with pytest.raises(AdderError, match=r"^--permission: .*[.?]$"):
        parse_permissions([text])
