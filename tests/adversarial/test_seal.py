"""The seal alone, without the verifier: once the board is wired, no Python changes what the kernel is made of."""

import re
from pathlib import Path

import pytest
from hostile_kernel import HERE, write_board
from kernels import UNVERIFIED, build_board
from test_hostile_capsules import ASK

from adder.apps.python_app import build
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import Simulation

BREAKER = HERE / "board" / "breaker.py"
ATTEMPTS = re.findall(r"^def (\w+)\(powers\)", BREAKER.read_text(), re.MULTILINE)

# It prints when the kernel has done with printing.
APP = (
    ASK
    + """
time.sleep_ms(300)
first = ask(ATTACK, 1)
time.sleep_ms(2000)
second = ask(ATTACK, 2)
time.sleep_ms(2000)
print("app: commands:", first, second)
print("app: victim:", ask(VICTIM, 1))
print("app: done")
"""
)


def write_unsealed_board(folder: Path) -> None:
    """A board with a capsule that no verifier would let pass."""
    write_board(folder, [BREAKER])
    with (folder / "defconfig").open("a") as file:
        file.write("CONFIG_KERNEL_LOG_BYTES=16384\n")  # all that it tries is said at one go


@pytest.fixture(scope="module")
def kernel() -> Path:
    return build_board("unsealed", write_unsealed_board, python=UNVERIFIED)


@pytest.fixture(scope="module")
def console(kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the console shows."""
    folder = tmp_path_factory.mktemp("seal")
    source = folder / "app.py"
    source.write_text(f'# /// script\n# [tool.adder]\n# name = "app"\n# ram = 14336\n# ///\n{APP}')
    app = folder / "app.tbf"
    app.write_bytes(build(source).tbf.encode())
    image = FlashImage(folder / "flash.img")
    image.install([read_app_file(app)], only=True)
    with Simulation(kernel, image.path) as board:
        board.expect(r"app: done|panicked", timeout=30)
        board.run_until(lambda: board.transcript.count(f": {ATTEMPTS[-1]}: ") == 2, 30)  # the kernel's own come later
        return board.transcript


def test_the_build_refuses_the_capsule() -> None:
    with pytest.raises(AssertionError, match="adder verify --explain"):
        build_board("refused", write_unsealed_board)


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("where", ["command", "recipe"])
def test_a_sealed_kernel_stays_as_it_is(console: str, where: str, attempt: str) -> None:
    said = re.findall(rf"^attack: {where}: {attempt}: (.*?)\r?$", console, re.MULTILINE)
    assert len(said) == 1, console
    if (where, attempt) == ("recipe", "new_buffer"):
        assert said[0] == "DONE"  # a recipe makes what it needs, each time
    else:
        assert re.match(r"(RuntimeError|ImportError|AttributeError|TypeError|KeyError)\b", said[0])


def test_the_kernel_goes_on(console: str) -> None:
    assert "panicked" not in console
    assert "app: commands: SUCCESS FAIL" in console
    assert "app: victim: 0" in console
