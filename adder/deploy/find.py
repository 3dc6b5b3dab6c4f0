"""Which line leads to the board: that of a simulation that is running, or a serial port."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serial.tools import list_ports

from adder.board import ROOT
from adder.deploy import link
from adder.deploy.link import Link, open_port
from adder.deploy.remote import Remote
from adder.errors import AdderError
from adder.run.port import find_published


def simulations() -> list[str]:
    """The ports of simulations that are running: each has a name beside what is built for its board."""
    folders = sorted(path for path in (ROOT / "build").glob("*/") if path.is_dir())
    return [str(link) for folder in folders if (link := find_published(folder)) is not None]


def find_port(wanted: str | None) -> str:
    """The port that was named, or the only one there is."""
    if wanted is not None:
        if "://" not in wanted and not Path(wanted).exists():
            raise AdderError(f"There is no port {wanted}.")
        return wanted
    found = simulations()
    if not found:
        found = [port.device for port in list_ports.comports() if port.vid is not None]
    if not found:
        raise AdderError(
            "No board is there: start the simulated one with `make run`, plug one in, or name its port with --port."
        )
    if len(found) > 1:
        raise AdderError(f"There are several boards; name one with --port: {', '.join(found)}.")
    return found[0]


@contextmanager
def board(wanted: str | None, patience: float | None = None) -> Iterator[Remote]:
    """A session with the board."""
    with Link(open_port(find_port(wanted)), link.PATIENCE if patience is None else patience) as session:
        yield Remote(session)
