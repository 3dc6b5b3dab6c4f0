"""The command line: `adder VERB …`.

Each verb lives in a module of its own, which is imported only when the verb is used, so that
`adder --help` is quick and one verb's dependencies cannot break another.
A verb is a click command; `VERBS` says where to find it.
"""

import importlib
import io
import sys
from typing import NamedTuple

import click
from click.exceptions import NoSuchCommand

from adder import __version__
from adder.errors import AdderError
from adder.text import printable_lines


class Verb(NamedTuple):
    """Where a verb's click command is, and its line in `adder --help`."""

    module: str
    attribute: str
    summary: str


VERBS = {
    "app": Verb("adder.apps.python_app", "app", "Make a new app; build a Python app into a TBF and a TAB."),
    "tbf": Verb("adder.apps.elf_to_tbf", "tbf_command", "Make a Tock binary (TBF) from an ELF file."),
    "tab": Verb("adder.apps.tbf", "tab_command", "Pack TBF files into a Tock app bundle (TAB)."),
    "inspect": Verb("adder.apps.tbf", "inspect_command", "Show what a TBF or TAB file contains."),
    "image": Verb("adder.image_command", "image", "Put apps into a simulated flash; export for a board."),
    "flash": Verb("adder.flash.command", "flash", "Write the kernel and apps to a board."),
    "bringup": Verb("adder.bringup.command", "bringup", "Have a board test itself, and explain its report."),
    "console": Verb("adder.flash.console", "console", "Show a real board's console: serial port or debug probe."),
    "apps": Verb("adder.deploy.command", "apps", "Show the apps on a board that is running, and what they do."),
    "install": Verb("adder.deploy.command", "install", "Install apps on it while the others run."),
    "remove": Verb("adder.deploy.command", "remove", "Remove apps from it."),
    "start": Verb("adder.deploy.command", "start", "Start apps on it."),
    "stop": Verb("adder.deploy.command", "stop", "Stop apps on it."),
    "watch": Verb("adder.deploy.command", "watch", "Install an app each time its file is saved."),
    "apply": Verb("adder.deploy.command", "apply", "Make its apps those of a set: all changes at once, or none."),
    "logs": Verb("adder.deploy.words", "logs", "Show what an app on it has said."),
    "why": Verb("adder.deploy.words", "why", "Show why an app on it has ended, and what it said before."),
    "rollback": Verb("adder.deploy.versions", "rollback", "Go back to the version of an app that is kept on it."),
    "compact": Verb("adder.deploy.versions", "compact", "Make one piece of its free flash."),
    "simulate": Verb("adder.run.simulate", "simulate", "Run a board's kernel in a simulator, with its console here."),
    "renode": Verb("adder.run.renode", "renode", "Run the nRF52840's kernel in Renode, or test it there."),
    "press": Verb("adder.run.simulated", "press", "Press a button of the simulated board."),
    "pin": Verb("adder.run.simulated", "pin", "Show or drive the simulated board's pins."),
    "sensor": Verb("adder.run.simulated", "sensor", "Set what the simulated board's sensors measure."),
    "bench": Verb("adder.measure.bench", "bench", "Count the instructions that kernel operations take."),
    "bench-interpreter": Verb(
        "adder.measure.bench_interpreter", "bench_interpreter", "Count what protection costs the Python interpreter."
    ),
    "capsule": Verb("adder.capsule", "capsule", "Make a new capsule, with its test, from a template."),
    "typecheck": Verb("adder.build.typecheck", "typecheck", "Check the types of the kernel's Python."),
    "verify": Verb("adder.verify.command", "verify", "Check that capsules are Capsule Python."),
    "size": Verb("adder.measure.size", "size", "Show flash and RAM by component."),
    "completion": Verb("adder.completion", "completion", "Complete verbs and options in the shell."),
    "powers": Verb("adder.wire.powers", "powers", "Show which capsule holds which power."),
    "tcb": Verb("adder.measure.tcb", "tcb", "Count the lines of trusted code and list minted powers."),
}


class LazyGroup(click.Group):
    """A group that imports a verb's module when the verb is first used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        command: click.Command = getattr(importlib.import_module(verb.module), verb.attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:  # click guesses among the verbs that are imported
            raise NoSuchCommand(error.command_name, possibilities=VERBS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`adder VERB --help` explains one verb. `make help` shows the everyday commands.",
)
@click.version_option(__version__, prog_name="adder")
def cli() -> None:
    """Build apps for Adder, put them into a simulated flash, run and measure the kernel.

    \b
    A first tour, after `make`:
      adder image install build/qemu/flash.img build/apps/hello.tbf
      adder image list build/qemu/flash.img
      adder simulate
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors become one sentence on stderr and exit code 1."""
    try:
        code = cli.main(arguments, prog_name="adder", standalone_mode=False)
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        print(printable_lines(text.getvalue().rstrip().expandtabs(4)), file=sys.stderr)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away (as in `adder … | head`); leave without a word.
        sys.stderr.close()
        sys.exit(1)
    except AdderError as error:
        print(f"adder: {printable_lines(str(error))}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        print(f"adder: {printable_lines(f'{where}{error.strerror or error}')}", file=sys.stderr)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
