"""A board program and app just big enough to test the tool on."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings
from making import ElfMaker, make_elf, make_tbf

# No test case fails for being slow: `make test` also runs on machines that have other things to do.
settings.register_profile("adder", deadline=None)
settings.load_profile("adder")

TINY = Path(__file__).parent / "tiny"
COMPILE = [
    "arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Os", "-ffreestanding", "-nostdlib",
    "-Wall", "-Wextra", "-Werror", "-Wl,--no-warn-rwx-segments", "-Wl,--build-id=none",
]  # fmt: skip


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with kernel.elf, kernel.map, and the app tiny as .elf and, twice, as .tbf."""
    folder = tmp_path_factory.mktemp("tiny")

    def run(*command: object) -> None:
        subprocess.run([str(part) for part in command], check=True, cwd=folder)

    kernel = folder / "kernel.o"
    run(*COMPILE, "-c", TINY / "kernel.c", "-o", kernel)
    run(*COMPILE, "-Wl,-Map=kernel.map", "-T", TINY / "kernel.ld", kernel, "-o", "kernel.elf")
    run(*COMPILE, "-Wl,-Ttext=0x80000000", "-Wl,-e,main", TINY / "app.S", "-o", "tiny.elf")
    run("arm-none-eabi-objcopy", "-O", "binary", "tiny.elf", "tiny.bin")
    binary = (folder / "tiny.bin").read_bytes()
    for name in ("tiny", "tiny_b"):
        (folder / f"{name}.tbf").write_bytes(make_tbf(name, binary=binary))
    return folder


@pytest.fixture
def elf(tmp_path: Path) -> ElfMaker:
    """Makes kernel.elf of segments: address, load address, contents."""

    def make(segments: Sequence[tuple[int, int, bytes]]) -> Path:
        path = tmp_path / "kernel.elf"
        path.write_bytes(make_elf(segments))
        return path

    return make
