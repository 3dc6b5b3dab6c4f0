"""The board that generated capsules are wired to: on this machine or in QEMU's."""

from pathlib import Path

from kernels import write

from adder.board import ROOT

HERE = Path(__file__).parent / "board"
HOSTILE = ROOT / "tests" / "adversarial" / "hostile" / "board"
CAPSULES = 3
"""How many capsules a program has: classes P0, P1 and so on of one module."""


def powers(grant: str) -> str:
    """The expression that makes a capsule's powers."""
    return (
        f"powers_of.Powers({grant}, fuzz_registers, fuzz_hardware, fuzz_line, fuzz_alarm, fuzz_device, fuzz_flash, "
        "victim, processes, fuzz_cell)"
    )


def wiring(modules: list[str], first: int = 0) -> str:
    """The statements that wire each module's capsules."""
    lines = []
    for module in modules:
        for i in range(CAPSULES):
            name = f"{module}_{i}"
            lines += [
                f"grant_{name} = mint.grant(powers_of.FIRST_DRIVER + {first}, powers_of.LAYOUT)",
                f"powers_{name} = {powers(f'grant_{name}')}",
                f'mint.serve("{name}", grant_{name}, lambda grant: {module}.P{i}(powers_{name}).command)',
            ]
            first += 1
    return "\n".join(lines)


def write_board(folder: Path, memory: str, options: tuple[str, ...], imports: str, wired: str) -> None:
    """The board's folder, without the programs."""
    text = (HERE / "board.py.txt").read_text()
    write(folder / "board.py", text.replace("@IMPORTS@", imports).replace("@WIRING@", wired))
    write(folder / "memory.toml", memory + (HOSTILE / "memory.toml.txt").read_text())
    write(folder / "defconfig", "".join(f"CONFIG_{option}\n" for option in options))
    write(folder / "capsules" / "hostile" / "victim.py", (HOSTILE / "victim.py").read_text())
    for name in ("powers", "sender"):
        write(folder / "capsules" / "fuzz" / f"{name}.py", (HERE / f"{name}.py").read_text())
