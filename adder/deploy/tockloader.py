"""tockloader, as it is, on a simulated board: `python -m adder.deploy.tockloader list --serial`.

It takes only ports that pyserial lists, which are those in /dev with certain names, and waits a second and a half for
an answer, which is no time for a simulation on a machine that has other things to do.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from adder.deploy.find import find_port
from adder.errors import AdderError

PATIENCE = 20
"""Seconds in which an answer comes."""


def main(arguments: list[str]) -> None:
    """Run it with these arguments; without `--port`, the port is that of the simulation that is running."""
    if find_spec("tockloader") is None:
        raise AdderError("tockloader is not installed; `build/venv/bin/pip install tockloader` gets it.")
    named = "--port" in arguments[:-1]
    port = find_port(arguments[arguments.index("--port") + 1] if named else None)
    loader: Any = import_module("tockloader.bootloader_serial").BootloaderSerial
    ask = loader._issue_command

    def patient(self: Any, *given: Any, **options: Any) -> Any:
        before, self.sp.timeout = self.sp.timeout, PATIENCE
        try:
            return ask(self, *given, **options)
        finally:
            self.sp.timeout = before

    loader._issue_command = patient
    list_ports.comports = lambda include_links=False: [ListPortInfo(port)]
    sys.argv = ["tockloader", *arguments, *([] if named else ["--port", port])]
    import_module("tockloader.main").main()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except AdderError as error:
        sys.exit(str(error))
