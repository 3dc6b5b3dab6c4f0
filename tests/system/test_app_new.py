"""New apps outside of the tree build, run and pass their own test as they stand."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from adder.apps.app_new import FILES, make_app
from adder.cli import cli
from adder.errors import AdderError


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "PYTEST"))}
    environment["TMPDIR"] = str(folder.parent)  # what its own tests leave when they fail goes with the folder
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


LIBTOCK_RS = os.environ.get("LIBTOCK_RS", "")
"""A checkout of libtock-rs, where there is no network to fetch it by."""


def build_offline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have cargo build a new app from that checkout and Rust's own source, and fetch nothing."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    library = Path(sysroot) / "lib" / "rustlib" / "src" / "rust" / "library"
    manifest = folder / "Cargo.toml"
    text = re.sub(r', rev = "[0-9a-f]{12}"', "", manifest.read_text())
    git = 'git = "https://github.com/tock/libtock-rs"'
    text = text.replace(f"libtock = {{ {git}", f'libtock = {{ path = "{LIBTOCK_RS}"')
    text = text.replace(git, f'path = "{LIBTOCK_RS}/build_scripts"')
    assert "git" not in text
    manifest.write_text(f'{text}\n[patch.crates-io]\nlibm = {{ path = "{library}/compiler-builtins/libm" }}\n')
    with (folder / ".cargo" / "config.toml").open("a") as config:
        config.write('[source.crates-io]\nreplace-with = "vendor"\n')
        config.write(f'[source.vendor]\ndirectory = "{library}/vendor"\n')
    monkeypatch.setenv("CARGO_OPTIONS", "--offline")
    monkeypatch.setenv("CARGO_HOME", str(folder / "cargo"))


@pytest.mark.parametrize("language", ["c", "python", "rust"])
def test_a_new_app_builds_and_passes_its_own_test_and_then_it_is_yours(
    kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    if language == "rust" and not LIBTOCK_RS:
        pytest.skip("needs rustc with its source, and LIBTOCK_RS=FOLDER, a checkout of libtock-rs")
    folder = tmp_path / f"my-{language}"
    result = CliRunner().invoke(cli, ["app", "new", str(folder), f"--{language}"], catch_exceptions=False)
    assert "make test" in result.output
    if language == "rust":
        build_offline(folder, monkeypatch)
    done = make(folder, "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    source = folder / {"c": "main.c", "python": "app/main.py", "rust": "src/main.rs"}[language]
    source.write_text(source.read_text().replace("hello", "bye"))
    done = make(folder, "test")  # the change is built, and noticed
    assert done.returncode != 0
    assert "bye, 1" in done.stdout
    if language == "python":
        checked = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout
    done = make(folder, "run", "RUN_OPTIONS=--clock fast --until 'bye, 2' --seconds 60")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("language", "changes"),
    [
        ("c", {"STACK := 1024": "STACK := 4096", "permission alarm": "permission alarm --permission led"}),
        ("python", {"--name $(NAME)": "--name other"}),
    ],
)
def test_what_is_changed_in_an_app_s_makefile_is_built_and_all_of_it_again_if_make_is_told_so(
    kernel, tmp_path: Path, language: str, changes: dict[str, str]
) -> None:
    folder = tmp_path / "fan"
    make_app(folder, language)
    makefile, tbf = folder / "Makefile", folder / "build" / "fan.tbf"
    assert make(folder).returncode == 0
    for before, after in changes.items():
        assert "Nothing to be done" in make(folder).stdout
        first = tbf.read_bytes()
        makefile.write_text(makefile.read_text().replace(before, after))
        assert make(folder).returncode == 0
        assert tbf.read_bytes() != first, before
    again = make(folder, "-B")
    assert again.returncode == 0, again.stderr
    without = make(folder, "-B", "test", f"KERNEL={tmp_path}/none")
    assert without.returncode != 0
    assert "Adder's tools or kernel are missing; run `make kernel`" in without.stderr


def test_a_new_rust_app_is_whole_and_says_what_it_lacks(tmp_path: Path) -> None:
    folder = tmp_path / "rusty"
    make_app(folder, "rust")
    cargo = tomllib.loads((folder / "Cargo.toml").read_text())
    assert cargo["package"]["name"] == "rusty"
    assert len(cargo["dependencies"]["libtock"]["rev"]) == 12, "another libtock-rs may be another interface"
    assert cargo["dependencies"]["libtock"] == cargo["build-dependencies"]["libtock_build_scripts"]
    tomllib.loads((folder / ".cargo" / "config.toml").read_text())
    # Without cargo, and with one that has no such target.
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("make", "sh", "mkdir", "test", "echo"):
        (tools / name).symlink_to(shutil.which(name) or name)
    path = f"PATH={tools}"
    assert "Rust is missing; get it from https://rustup.rs." in make(folder, path, "SHELL=/bin/sh").stderr
    for name, text in (("cargo", "exit 1"), ("rustc", "echo /nonexistent")):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    assert "run `rustup target add thumbv7em-none-eabi`" in make(folder, path, "SHELL=/bin/sh").stderr


@pytest.mark.parametrize("name", ["Upper", "a_b", "-x", "a b", "a/../..", "x" * 33, "ü", "a--b"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AdderError, match="must be 1 to 32 small letters"):
        make_app(tmp_path / name, "c")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for language in FILES:
        with pytest.raises(AdderError, match="exists already"):
            make_app(tmp_path / "there", language)
    assert list((tmp_path / "there").iterdir()) == []
