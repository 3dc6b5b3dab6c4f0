"""The bring-up of QEMU's board: a simulated board that says something, and listens."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from adder.bringup.lines import Silent
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import Simulation

MOST_SECONDS = 120


class SimulatedBoard:
    """QEMU, with a flash image of its own, whose buttons somebody presses at once."""

    def __init__(self, kernel: Path, apps: Sequence[Path]) -> None:
        self._folder = TemporaryDirectory()
        image = FlashImage(Path(self._folder.name) / "flash.img")
        image.install([read_app_file(path) for path in apps], only=True)
        self.simulation = Simulation(kernel, image.path)
        self.simulation.start()
        self._shown = 0

    def more(self) -> str:
        if self.simulation.time > MOST_SECONDS:
            raise Silent(f"The simulated board has not come to the end within {MOST_SECONDS} s of its time.")
        self.simulation.run(0.05)
        shown = self.simulation.transcript
        new = shown[self._shown :]
        self._shown = len(shown)
        return new

    def type(self, text: str) -> None:
        self.simulation.send(text)

    def press(self, button: int) -> bool:
        self.simulation.press(button)
        return True

    def restart(self) -> None:
        """Switch it off and on again: the flash stays."""
        self.simulation.kill()
        self.simulation.start()
        self._shown = 0

    def end(self) -> None:
        self.simulation.kill()
        self._folder.cleanup()
