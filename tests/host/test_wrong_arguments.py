"""Whatever a verb is given, for each of its arguments and options: a sentence that can be shown, and no traceback.

The calls are made of the verbs' own parameters, so a verb or an option that is added is tried here, too.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner
from hostile import DEEP, ENDLESS, MANY_DIGITS, tab_of, with_word, within
from making import make_elf, make_tbf

from adder.cli import VERBS, cli
from adder.deploy import command as deploy
from adder.duration import Duration
from adder.errors import AdderError

EVIL = "\x1b[2J\x07\r\n\u202eevil"

FILES = [
    "missing", "empty", "text", "bytes", "folder", "huge", "app.tbf", "app.elf", "app.py", "report", "set.toml", EVIL,
    "endless.tab", "digits.tab", "number.tab", "deep.toml", "number.toml", "hostile.elf",
]  # fmt: skip
NUMBERS = ["-1", "99999999999999999999", "x", "", "1.5", "nan", "inf"]
TEXTS = ["", "-", "x", EVIL, "\udcff", "99999999999999999999", "(", "x" * 5000]

FILLED = {
    "source": "app.py", "folder": "new", "elfs": "app.elf", "tbfs": "app.tbf", "img": "new.img", "kernel": "app.elf",
    "file": "app.tbf", "files": "app.tbf", "image": "new.img", "output": "out", "out": "out.hex", "names": "x",
    "name": EVIL, "button": "1",
}  # fmt: skip
"""What a parameter is given while it is another one's turn. A name is one that nothing can be called, since
`capsule new` makes what it is told to."""


def verbs() -> Iterator[tuple[list[str], click.Command]]:
    def below(command: click.Command, path: list[str]) -> Iterator[tuple[list[str], click.Command]]:
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                yield from below(inner, [*path, name])
        if path and not (isinstance(command, click.Group) and not command.invoke_without_command):
            yield path, command

    context = click.Context(cli)
    yield from below(cli, [])


def values(kind: click.ParamType) -> list[str]:
    if isinstance(kind, click.Path):
        return FILES
    if isinstance(kind, click.types.StringParamType | click.Choice):
        return TEXTS
    return NUMBERS


def test_no_verb_takes_a_number_that_is_none_or_without_end_for_a_time() -> None:
    parameters = [(path, one) for path, command in verbs() for one in command.params]
    loose = [(path, one.name) for path, one in parameters if isinstance(one.type, click.types.FloatParamType)]
    assert not loose, "use adder/duration.py's Duration: a float may be nan or inf"
    times = [one for _, one in parameters if isinstance(one.type, Duration)]
    assert {"seconds", "timeout", "trial_time"} <= {one.name for one in times}
    for one in times:
        for value in ("nan", "inf", "1e18", "-1", "9" * 30, "", "1 2", "\u0661"):
            with pytest.raises(click.BadParameter, match="is no time here; write"):
                one.type.convert(value, one, None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("0.25", 0.25), ("30s", 30), ("2m", 120), ("1h", 3600), (" 5 ", 5), (".5", 0.5)]
)
def test_a_time_is_typed_as_people_do(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


def given(parameter: click.Parameter, value: str) -> list[str]:
    return [parameter.opts[0], value] if isinstance(parameter, click.Option) else [value]


def calls(path: list[str], command: click.Command) -> Iterator[list[str]]:
    parameters = [one for one in command.params if not (isinstance(one, click.Option) and one.is_flag)]
    for tried in parameters:
        for value in values(tried.type):
            if path == ["capsule", "new"] and tried.name == "name" and value == "x":
                continue
            options: list[str] = []
            arguments: list[str] = []
            for one in parameters:
                if one is tried or one.required:
                    filled = value if one is tried else FILLED[str(one.name)]
                    (options if isinstance(one, click.Option) else arguments).extend(given(one, filled))
            yield [*path, *options, "--", *arguments]


def wrote(call: list[str]) -> bool:
    """Whether a file may be another one afterwards: it was named as the place for what is made."""
    return any(option in call for option in ("-o", "--output", "--output-file", "--out", "--tab", "--json", "--set"))


ALL = list(verbs())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that are none of those that are wanted, and nothing that runs."""
    for name, contents in {
        "empty": b"", "text": b"no = program\n", "bytes": bytes(range(256)) * 8, "app.tbf": make_tbf("app"),
        "app.elf": make_elf([(0, 0, bytes(64))]), "app.py": b"print(1)\n",
        "report": b"= rtc0 \x07\xe2\x80\xae FAIL\n",
        "set.toml": b'[apps]\n"a\\u001b[2J\\u202e" = "app.tbf"\n',
        "endless.tab": ENDLESS, "digits.tab": MANY_DIGITS, "number.tab": tab_of(DEEP["hexadecimal"].encode()),
        "deep.toml": DEEP["brackets"].encode(), "number.toml": DEEP["decimal"].encode(),
        "hostile.elf": with_word(make_elf([(0, 0, bytes(64))]), 48, 0xFFFF, 2),
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(contents)
    (tmp_path / "folder").mkdir()
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 3 << 30)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def refuse(*_: object, **__: object) -> None:
        raise AdderError("No other program is started here.")

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    # `adder watch` would wait for the next time.
    monkeypatch.setattr(deploy, "time", SimpleNamespace(sleep=interrupt, monotonic=time.monotonic))
    return tmp_path


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_whatever_a_verb_is_given_it_says_a_sentence(folder: Path, path: list[str], command: click.Command) -> None:
    made = list(calls(path, command))
    assert made
    for call in made:
        before = (folder / "text").read_bytes(), (folder / "huge").stat().st_size
        with within(20):
            result = CliRunner().invoke(cli, call)
        error = result.exception
        assert error is None or isinstance(error, AdderError | OSError | SystemExit), (call, error)
        said = result.output + (str(error) if isinstance(error, AdderError) else "")
        assert "Traceback" not in said, call
        assert not any(not c.isprintable() and c != "\n" for c in result.output.expandtabs()), (call, result.output)
        assert result.exit_code == 0 or said.strip() or isinstance(error, OSError), call
        if isinstance(error, AdderError):
            assert len(str(error).split()) > 3, (call, error)
        if not wrote(call):
            assert ((folder / "text").read_bytes(), (folder / "huge").stat().st_size) == before, call


def test_every_verb_is_tried() -> None:
    assert {path[0] for path, _ in ALL} == set(VERBS)
