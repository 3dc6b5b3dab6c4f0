"""The console through a debug probe: the nRF52840's kernel on the simulated chip, and pyOCD's own reader of RTT."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kernels import build_variant
from pyocd.debug.rtt import RTTControlBlock

from adder.board import ROOT, load_board, read_manifest
from adder.chip.nrf52840 import Chip
from adder.run.renode import flash_contents

APPS = ("hello", "buttons", "repl-py")


class Target:
    """What pyOCD wants of a probe: memory, while the chip goes on."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip

    def read_memory_block8(self, address: int, size: int) -> list[int]:
        return list(self.chip.read_memory(address, size))

    def read_memory_block32(self, address: int, size: int) -> list[int]:
        return [self.read32(address + 4 * i) for i in range(size)]

    def read32(self, address: int) -> int:
        return int.from_bytes(self.chip.read_memory(address, 4), "little")

    def write32(self, address: int, value: int) -> None:
        self.chip.write_memory(address, value.to_bytes(4, "little"))

    def write_memory_block8(self, address: int, data: bytes) -> None:
        self.chip.write_memory(address, bytes(data))


class Probe:
    """A chip whose console is RTT, and a probe at it."""

    def __init__(self, chip: Chip, address: int, size: int) -> None:
        self.chip = chip
        self.where = address, size
        self.shown = ""
        self.block: RTTControlBlock | None = None

    def attach(self) -> None:
        self.block = RTTControlBlock.from_target(Target(self.chip), *self.where)
        self.block.start()

    def expect(self, text: str, seconds: float = 5) -> None:
        assert self.block is not None
        end = self.chip.seconds + seconds
        while text not in self.shown:
            assert self.chip.seconds < end, f"{text!r} is not shown:\n{self.shown}"
            self.chip.run(0.005)
            self.shown += self.block.up_channels[0].read().decode()

    def type(self, text: str) -> None:
        assert self.block is not None
        rest = text.encode()
        while rest:
            rest = rest[self.block.down_channels[0].write(rest) :]
            self.chip.run(0.02)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, int]:
    path = build_variant("nrf52840", "NRF52_CONSOLE_RTT=y", base="nrf52840")
    rtt = read_manifest("nrf52840", path.parent)["peripherals"]["rtt"]
    return path, rtt["base"], rtt["size"]


@pytest.fixture
def probe(kernel: tuple[Path, int, int]) -> Iterator[Probe]:
    board = load_board("nrf52840")
    contents = flash_contents([ROOT / "build" / "apps" / f"{name}.tbf" for name in APPS], board, b"")
    path, address, size = kernel
    chip = Chip(path, {board.app_flash.start: contents})
    yield Probe(chip, address, size)
    assert not chip.complaints, "\n".join(chip.complaints)


def test_a_probe_that_comes_late_reads_how_the_board_booted_and_talks_to_a_program(probe: Probe) -> None:
    probe.chip.run(2)  # nobody reads, and nobody waits for that
    probe.attach()
    probe.expect("Adder")
    probe.expect("hello")
    probe.expect(">>> ")
    probe.type("6 * 7\r")
    probe.expect("42\r\n")
    probe.type("print('#' * 2000, 'end')\r")  # more than the ring holds
    probe.expect("# end\r\n", 20)
    assert probe.shown.count("#") == 2001  # with the one that was typed


def test_without_a_probe_the_programs_go_on(probe: Probe) -> None:
    probe.chip.run(3)
    for _ in range(3):
        probe.chip.set_pin(11, 0)
        probe.chip.run(0.1)
        probe.chip.set_pin(11, None)
        probe.chip.run(0.1)
    probe.attach()
    probe.chip.run(0.2)
    probe.shown += probe.block.up_channels[0].read().decode() if probe.block else ""
    probe.chip.set_pin(11, 0)
    probe.expect("pressed")
