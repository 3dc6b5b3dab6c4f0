"""Programs that rustc has made: whatever their length, they are converted, installed and run.

libtock-rs itself wants a checkout and Rust's source (test_app_new.py). These have the shape that it gives them, and
want rustc alone.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.board import ROOT

SOURCE = ROOT / "tests" / "system" / "rust"
FLASH, RAM = 0x21060000, 0x20034000
LENGTHS = (21, 22, 23, 24)
"""Of what they print, which is the last that lies in flash: so the length of three of them is no multiple of 4."""
OLDEST = (1, 90)
"""It has the marks of types that the program names."""


def version() -> tuple[int, ...]:
    if shutil.which("rustc") is None:
        return (0,)
    said = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"rustc (\d+)\.(\d+)", said)
    return tuple(int(number) for number in found.groups()) if found else (0,)


pytestmark = pytest.mark.skipif(version() < OLDEST, reason=f"needs rustc {OLDEST[0]}.{OLDEST[1]} or newer")


def run(*command: object) -> None:
    # The switch is for what is not stable yet, as a program without `core`.
    environment = os.environ | {"RUSTC_BOOTSTRAP": "1"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr


def text_of(length: int) -> str:
    return f"rust, {length} bytes".ljust(length - 1, ".")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """ELF files, by the length of what they print, each for addresses of its own."""
    folder = tmp_path_factory.mktemp("rust")
    made = {}
    for number, length in enumerate(LENGTHS):
        source, compiled, linked = (folder / f"rust-{length}.{ending}" for ending in ("rs", "o", "elf"))
        text = (SOURCE / "app.rs").read_text().replace("TEXT_LENGTH", str(length))
        source.write_text(text.replace('b"TEXT"', f'b"{text_of(length)}\\n"'))
        options = "--edition=2021 --target=thumbv7em-none-eabi -Copt-level=s -Cpanic=abort -Crelocation-model=static"
        run("rustc", *options.split(), "--emit=obj", "-o", compiled, source)
        places = [f"FLASH_START={FLASH + 0x2000 * number:#x}", f"RAM_START={RAM + 0x2000 * number:#x}"]
        defined = [part for place in places for part in ("--defsym", place)]
        run("arm-none-eabi-ld", "-T", SOURCE / "app.ld", *defined, "-o", linked, compiled)
        made[length] = linked
    return made


def test_rust_programs_of_any_length_are_converted_and_run_beside_each_other(simulation, programs) -> None:
    tbfs = []
    for program in programs.values():
        tbfs.append(program.with_suffix(".tbf"))
        tbfs[-1].write_bytes(elf_to_tbf(program.read_bytes(), Options(program.stem)).encode())
    said = (rf"^{re.escape(text_of(length))}\r?\n" for length in LENGTHS)
    ended = (rf"app rust-{length}: ended with code 0" for length in LENGTHS)
    with simulation(*tbfs) as board:
        board.expect_all(*said, *ended)
