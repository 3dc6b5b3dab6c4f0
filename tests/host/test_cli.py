"""The command line: help for new users, one sentence for every failure."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from adder import __version__
from adder.board import ROOT, load_board
from adder.cli import VERBS, cli, main
from adder.errors import AdderError


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adder", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, **options)


def test_help_lists_every_verb() -> None:
    result = run("--help")
    assert result.returncode == 0
    for name, verb in VERBS.items():
        assert name in result.stdout
        assert verb.summary in " ".join(result.stdout.split())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    result = run(verb, "--help")
    assert result.returncode == 0, result.stderr
    assert "Usage: adder " + verb in result.stdout


def test_help_does_not_import_the_verbs() -> None:
    script = (
        "import sys; from adder.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('adder.run.simulate' in sys.modules, 'elftools' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.splitlines()[-1] == "False False"


def test_version() -> None:
    assert run("--version").stdout.strip().endswith(__version__)


@pytest.mark.parametrize(
    "arguments",
    [
        ("image", "list", "/nonexistent/flash.img"),
        ("image", "install", "/nonexistent/flash.img", "/nonexistent/app.tbf"),
        ("simulate", "--kernel", "/nonexistent/kernel.elf"),
        ("bench", "--kernel", "/nonexistent/kernel.elf", "/nonexistent/app.tbf"),
        ("size", "nonexistent"),
        ("nonsense",),
    ],
)
def test_a_failure_is_said_in_one_sentence_without_traceback(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    message = result.stderr.strip().splitlines()[-1]
    assert message.startswith(("adder: ", "Error: "))
    assert "nonexistent" in message or "nonsense" in message


def test_a_closed_pipe_is_no_error_to_speak_of() -> None:
    script = f"{sys.executable} -m adder --help | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "Traceback" not in result.stderr


def test_main_exits_with_1_on_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["image", "list", "/nonexistent/flash.img"])
    assert caught.value.code == 1
    assert capsys.readouterr().err.startswith("adder: /nonexistent/flash.img does not exist")


def test_a_board_is_read_from_its_manifest() -> None:
    board = load_board("qemu")
    assert board.app_flash.start == 0x21000000
    assert board.storage.start == board.app_flash.end
    assert 0x2003FFFF in board.ram
    assert 0x20040000 not in board.ram


def test_an_unknown_board_is_named_with_the_known_ones() -> None:
    with pytest.raises(AdderError, match=r"no board 'pdp11'.*nano33, nrf52840, .*qemu"):
        load_board("pdp11")
    # The make that runs the tests must not tell this one that it is its child.
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "V")}
    made = subprocess.run(
        ["make", "BOARD=pdp11"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode
    assert made.stdout == ""
    assert "There is no board 'pdp11'; known boards: " in made.stderr
    assert made.stderr.count("\n") == 1


def test_every_dependency_is_pinned() -> None:
    import tomllib

    project = tomllib.loads((Path(ROOT) / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    requirements = [*project["dependencies"], *(item for extra in extras for item in extra)]
    assert len(requirements) > 20
    assert all("==" in requirement for requirement in requirements)


@pytest.mark.parametrize(("shell", "file"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_completion_is_installed_once_and_completes(tmp_path, monkeypatch, capsys, shell, file) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/bin/{shell}")
    (tmp_path / file).write_text("alias ll='ls -l'")
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            main(["completion", "install"])
        assert end.value.code == 0
    text = (tmp_path / file).read_text()
    assert text.startswith("alias ll='ls -l'\n")
    assert text.count("_ADDER_COMPLETE=") == 1
    assert "has it already" in capsys.readouterr().out


def test_bash_completes_a_verb(tmp_path) -> None:
    environment = os.environ | {
        "_ADDER_COMPLETE": "bash_complete", "COMP_WORDS": "adder simu", "COMP_CWORD": "1", "HOME": str(tmp_path)
    }  # fmt: skip
    script = Path(sys.executable).with_name("adder")
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["plain,simulate"]


def test_an_unknown_shell_is_refused(monkeypatch, capsys) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    with pytest.raises(SystemExit):
        main(["completion", "show"])
    assert "name one of bash, zsh, fish by --shell" in capsys.readouterr().err


def test_an_unknown_app_in_apps_is_said_in_one_sentence() -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "V")}
    made = subprocess.run(
        ["make", "-s", "known-apps", "APPS=hello thermo"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode
    assert "There is no app 'thermo' in apps/" in made.stderr
    assert "hello" not in made.stderr
    makefile = (Path(ROOT) / "Makefile").read_text()
    for target in ("image", "renode-run", "flash"):
        line = next(line for line in makefile.splitlines() if line.startswith(f"{target}:"))
        assert "known-apps" in line
    assert "--only $(IMAGE)" not in makefile  # `make run` leaves what others have installed


@pytest.mark.parametrize("verb", VERBS)
def test_a_mistyped_verb_is_guessed_though_none_is_imported(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([f"{verb}x"])
    assert f"'{verb}'" in capsys.readouterr().err.partition("Did you mean")[2]


def test_a_board_is_looked_for_before_its_kernel_is_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from adder.bringup import command

    def no_port() -> str:
        raise AdderError("No serial port is there.")

    monkeypatch.setattr(command, "build", lambda board: pytest.fail("it was built for no board"))
    monkeypatch.setattr(command, "serial_port", no_port)
    for arguments in (["bringup"], ["bringup", "--no-flash"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "No serial port" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_no_line_of_a_verbs_list_is_cut_off(verb: str) -> None:
    command = cli.get_command(click.Context(cli), verb)
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=verb, terminal_width=80)
        assert "..." not in command.get_help(context).split("Commands:")[1]
