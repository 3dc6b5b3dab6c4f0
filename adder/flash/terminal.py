"""pyserial's terminal, as its `miniterm --raw`, but for a port that takes in nothing: there that waits for ever."""

import sys
import termios
import threading

import serial
from serial.tools.miniterm import Miniterm

from adder.output import tell

PATIENCE = 3.0
"""Seconds in which what is typed goes away."""


def main(port: str, speed: int) -> int:
    """Show the port until Ctrl-] is typed; the exit code."""
    failed: list[BaseException | None] = []
    threading.excepthook = lambda what: failed.append(what.exc_value)  # miniterm's threads end by an exception
    try:
        terminal = Miniterm(serial.serial_for_url(port, speed, write_timeout=PATIENCE, exclusive=True))
    except (serial.SerialException, OSError) as error:
        tell(f"{port} cannot be opened: {error}.", error=True)
        return 1
    except termios.error:
        tell("This is no terminal: nothing can be typed here.", error=True)
        return 1
    terminal.exit_character, terminal.menu_character, terminal.raw = "\x1d", "\x14", True
    terminal.set_rx_encoding("UTF-8")
    terminal.set_tx_encoding("UTF-8")
    tell(f"{port} at {speed} baud; Ctrl-] leaves.", error=True)
    terminal.start()
    terminal.join(True)
    terminal.join()
    terminal.close()
    for why in failed[:1]:
        deaf = isinstance(why, serial.SerialTimeoutException)
        tell(f"\n{port} takes in nothing." if deaf else f"\nThe line to the board is gone: {why}.", error=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
