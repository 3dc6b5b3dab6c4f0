"""`adder console`: the console of a real board, through its serial port or its debug probe."""

import subprocess
import sys

import click
from serial.tools import list_ports

from adder.board import Board, load_board, read_manifest
from adder.errors import AdderError
from adder.flash.method import Device, choose
from adder.flash.probes import PyOcd

SPEED = 115_200


def rtt_command(board: Board, probe: str | None) -> list[str]:
    """What shows RTT: pyOCD, told where the block lies, attached to a processor that goes on."""
    peripherals = read_manifest(board.name)["peripherals"]
    if "rtt" not in peripherals:
        raise AdderError(
            f"The kernel of {board.name} has its console at the UART: choose NRF52_CONSOLE_RTT with "
            f"`make menuconfig BOARD={board.name}`, and flash it again."
        )
    pyocd = PyOcd()
    if problem := pyocd.missing():
        raise AdderError(problem)
    device = pyocd.choose(pyocd.devices(), probe)
    where = ["--address", hex(peripherals["rtt"]["base"]), "--size", str(peripherals["rtt"]["size"])]
    return [
        pyocd.program,
        "rtt",
        "--no-wait",
        "--connect",
        "attach",
        "--target",
        "nrf52840",
        "--uid",
        device.id,
        *where,
    ]


def serial_port() -> str:
    """The only serial port that is plugged in."""
    found = [Device(it.device, it.product or "") for it in list_ports.comports() if it.vid is not None]
    nothing = "No serial port is there: plug the board in, or name one with --port."
    return choose(found, None, "serial port", "--port", nothing).id


def serial_command(port: str | None) -> list[str]:
    """What shows a serial port: pyserial's terminal."""
    return [sys.executable, "-m", "adder.flash.terminal", port or serial_port(), str(SPEED)]


@click.command()
@click.option("--board", "board_name", default="nrf52840", show_default=True, metavar="BOARD", help="Which board.")
@click.option("--rtt", is_flag=True, help="Through the debug probe (SEGGER RTT), by pyOCD.")
@click.option("--probe", metavar="ID", help="Which probe, if there are several: (part of) its serial number.")
@click.option("--port", metavar="PORT", help="Which serial port, if there are several.")
def console(board_name: str, rtt: bool, probe: str | None, port: str | None) -> None:
    """Show a real board's console, and send it what is typed.

    At a serial port, Ctrl-] leaves; with --rtt, Ctrl-C. A kernel that was configured with NRF52_CONSOLE_RTT speaks
    through its debug probe, and any program for RTT can show it.
    """
    if not rtt and probe is not None:
        raise AdderError("A probe is for --rtt; a serial port is named with --port.")
    if rtt and port is not None:
        raise AdderError("With --rtt there is no serial port; a probe is named with --probe.")
    command = rtt_command(load_board(board_name), probe) if rtt else serial_command(port)
    try:
        code = subprocess.call(command)
    except KeyboardInterrupt:
        code = 0
    if code:
        raise AdderError(f"`{' '.join(command)}` has ended with code {code}.")
