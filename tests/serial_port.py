"""A board's console as a serial port, and mpremote on it, as it is."""

import os
import pty
import select
import subprocess
import sys
import threading
import tty
from pathlib import Path

from adder.run.simulate import Simulation


class Port:
    """The console of a board as a serial port, whose name is a link: so mpremote keeps its time-outs."""

    def __init__(self, board: Simulation, link: Path) -> None:
        self.board, self.link = board, link
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        tty.setraw(self.master)
        link.symlink_to(os.ttyname(self.slave))
        self.ended = False
        self.seen = len(board.raw)
        for target in (self._type, self._show):
            threading.Thread(target=target, daemon=True).start()

    def _type(self) -> None:
        while not self.ended:
            if select.select([self.master], [], [], 0.2)[0]:
                self.board.send(os.read(self.master, 4096))

    def _show(self) -> None:
        while not self.ended:
            try:
                data = self.board.raw[self.seen :]
            except OSError:  # the board is off
                return
            self.seen += len(data)
            if data:
                os.write(self.master, data)
            else:
                select.select([], [], [], 0.005)  # a thread's turn; it judges nothing

    def close(self) -> None:
        self.ended = True


class Mpremote:
    """Runs mpremote in a folder."""

    def __init__(self, board: Simulation, link: Path, folder: Path) -> None:
        self.board, self.link, self.folder = board, link, folder

    def command(self, *arguments: str) -> list[str]:
        """What to execute."""
        return [sys.executable, "-m", "mpremote", "connect", str(self.link), *arguments]

    def __call__(self, *arguments: str, ok: bool | None = True, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=self.folder,
            env=env and {**os.environ, **env},
        )
        assert ok is None or (done.returncode == 0) == ok, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout if ok else done.stdout + done.stderr
