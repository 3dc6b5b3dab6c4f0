"""From a board's manifest (`boards/<name>/memory.toml`) to C: addresses, peripherals, interrupts.

Run by the build: `python -m adder.build.manifest BOARD FOLDER`. Writes, only where the text changes:

    memory_map.h   constants for C
    memory_map.ld  the same for the linker
    memory_map.mk  which panic console to compile
    peripherals.h  the tables behind the register windows and interrupt lines
"""

import sys
from pathlib import Path
from typing import Any

from adder import __version__
from adder.board import board_file, read_manifest
from adder.errors import AdderError
from adder.text import printable_lines

IRQ_LINES_MAX = 64
# Besides, what the factory has written (FICR); the processor's cycle counter, and DEMCR, which switches that on.
PERIPHERALS = ((0x40000000, 0x60000000), (0x10000000, 0x10001000), (0xE0001000, 0xE0001008), (0xE000EDFC, 0xE000EE00))
LARGEST_BUFFER = 4096  # bytes: cells.Buffer
HEAD = "made from the manifest of {title}"


def protected_of(peripheral: dict[str, Any]) -> list[int]:
    """Offsets of the registers that no plain write reaches: the forbidden ones and those of DMA."""
    channels = peripheral.get("dma", {}).values()
    dma = [offset for channel in channels for key, offset in channel.items() if key in ("pointer", "length", "end")]
    return sorted({*peripheral.get("protected", []), *dma})


def check(manifest: dict[str, Any]) -> None:
    """Refuse a manifest that could open a window where none may be. Its texts are adder/board/shape.py's to check."""
    if not 0 < manifest["irq_lines"] <= IRQ_LINES_MAX:
        raise AdderError(f"irq_lines = {manifest['irq_lines']}: the kernel serves 1 to {IRQ_LINES_MAX} lines.")
    blocks: list[tuple[int, int, str]] = []
    if "sleep_clock" in manifest:  # the core's own: no window may open onto it
        blocks.append((manifest["sleep_clock"]["base"], 0x1000, "sleep_clock"))
    for name, peripheral in manifest["peripherals"].items():
        base, size = peripheral["base"], peripheral["size"]
        for other_base, other_size, other in blocks:
            if base < other_base + other_size and other_base < base + size:
                raise AdderError(f"Peripherals '{other}' and '{name}' overlap: one would open the other's registers.")
        blocks.append((base, size, name))
        if base % 4 or size % 4 or size <= 0:
            raise AdderError(f"Peripheral '{name}': base and size must be multiples of 4.")
        if peripheral.get("simulated", False) or "within" in peripheral:
            check_in_memory(manifest, name, base, size)
        elif not any(start <= base <= base + size <= end for start, end in PERIPHERALS):
            raise AdderError(f"Peripheral '{name}' lies outside the peripheral space 0x40000000-0x60000000.")
        for line_name, line in peripheral.get("irq", {}).items():
            if not 0 <= line < manifest["irq_lines"]:
                raise AdderError(f"Peripheral '{name}': interrupt '{line_name}' = {line} is not a line of this chip.")
        for channel, registers in peripheral.get("dma", {}).items():
            check_channel(f"Peripheral '{name}': DMA channel '{channel}'", registers)
        offs = [it["off"] for it in peripheral.get("dma", {}).values() if "off" in it]
        for offset in (*protected_of(peripheral), *offs):
            if offset % 4 or not 0 <= offset < size:
                raise AdderError(f"Peripheral '{name}': register 0x{offset:x} is not in its block.")


def check_memory(manifest: dict[str, Any]) -> None:
    """Refuse places in flash, which are Kconfig's to choose, that cannot be."""
    page, end = manifest["flash"]["page"], manifest["flash"].get("end")
    for key in ("kernel_flash", "app_flash", "storage"):
        start, size = manifest["memory"][key]["start"], manifest["memory"][key]["size"]
        if size <= 0:
            problem = "has no room"
        elif start % page:
            problem = f"does not begin at a multiple of {page}"
        elif end is not None and start + size > end:
            problem = f"does not end below {end:#x}, where the flash ends"
        else:
            continue
        raise AdderError(
            f"The memory '{key}', {start:#x} to {start + size:#x}, {problem}; "
            f"choose another place with `make menuconfig BOARD={manifest['name']}`."
        )


def check_channel(where: str, registers: dict[str, Any]) -> None:
    """A DMA channel has a length register that counts bytes or `unit` bytes, or moves `size` bytes each time.

    `off` is a register that is 0 while the peripheral is off; a driver may write to it. `shared`: the hardware only
    reads, and the driver writes on.
    """
    keys = set(registers) - {"off", "shared"}
    if keys not in ({"pointer", "length", "end"}, {"pointer", "length", "end", "unit"}, {"pointer", "size", "end"}):
        raise AdderError(f"{where} names its pointer, its end, and its length (and perhaps unit) or size.")
    if registers.get("off") == 0:
        raise AdderError(f"{where}: off = 0 is not a register that could say so.")
    if registers.get("unit", 1) not in (1, 2, 4):
        raise AdderError(f"{where}: unit = {registers['unit']}: a length register counts by 1, 2 or 4 bytes.")
    if not 1 <= registers.get("size", 1) <= LARGEST_BUFFER:
        raise AdderError(f"{where}: size = {registers['size']}: a buffer has 1 to {LARGEST_BUFFER} bytes.")


def channel_row(name: str, channel: dict[str, Any]) -> str:
    """A row of dma_channels[]: unit 0 says that the length is not a register but a number of bytes."""
    length, unit = (channel["size"], 0) if "size" in channel else (channel["length"], channel.get("unit", 1))
    off, shared = channel.get("off", 0), str(channel.get("shared", False)).lower()
    numbers = f"0x{channel['pointer']:x}, 0x{length:x}, 0x{channel['end']:x}, 0x{off:x}"
    return f"    {{ MP_QSTR_{name}, {numbers}, {shared}, {unit} }},"


def check_in_memory(manifest: dict[str, Any], name: str, base: int, size: int) -> None:
    """A peripheral that is memory, and nobody else's: a simulated one, or a part of RAM that a debug probe reads."""
    simulated = manifest["peripherals"][name].get("simulated", False)
    if simulated and manifest["flash"]["kind"] != "memory":
        raise AdderError(f"Peripheral '{name}': only a simulated board has simulated peripherals.")
    if not 0x20000000 <= base <= base + size <= 0x40000000:
        raise AdderError(f"Peripheral '{name}' is memory and lies outside of it (0x20000000-0x40000000).")
    for key, region in manifest["memory"].items():
        if base < region["start"] + region["size"] and region["start"] < base + size:
            raise AdderError(f"Peripheral '{name}' overlaps the memory '{key}': it would open what lies there.")


def memory_map(manifest: dict[str, Any]) -> dict[str, int]:
    """The constants that both C and the linker need."""
    values = {}
    for key, region in manifest["memory"].items():
        values[f"{key.upper()}_START"] = region["start"]
        values[f"{key.upper()}_END"] = region["start"] + region["size"]
    return values


def memory_map_h(manifest: dict[str, Any]) -> str:
    """The header `memory_map.h`."""
    lines = [f"// {HEAD.format(**manifest)}", "#pragma once", ""]
    lines += [f"#define {name} (0x{value:08x}u)" for name, value in memory_map(manifest).items()]
    panic = manifest["panic_console"]
    lines += [
        "",
        "extern char _process_ram_start;",
        "#define PROCESS_RAM_START ((uint32_t)&_process_ram_start)",
        "#define PROCESS_RAM_END RAM_END",
        "",
        f'#define BOARD_TITLE "{manifest["title"]}"',
        f'#define ADDER_VERSION "{__version__}"',
        f"#define FLASH_PAGE ({manifest['flash']['page']}u)",
        f"#define BOARD_CPU_HZ ({manifest['cpu_hz']})",
        f"#define BOARD_IRQ_LINES ({manifest['irq_lines']})",
        f"#define PANIC_CONSOLE_BASE (0x{panic['base']:08x}u)",
    ]
    if "sleep_clock" in manifest:
        clock = manifest["sleep_clock"]
        lines += [f"#define SLEEP_CLOCK_BASE (0x{clock['base']:08x}u)", f"#define SLEEP_CLOCK_IRQ ({clock['irq']})"]
    if "tx_pin" in panic:
        lines.append(f"#define PANIC_CONSOLE_TX_PIN ({panic['tx_pin']})")
    return "\n".join(lines) + "\n"


def memory_map_ld(manifest: dict[str, Any]) -> str:
    """The linker's part, `memory_map.ld`."""
    lines = [f"/* {HEAD.format(**manifest)} */"]
    lines += [f"{name} = 0x{value:08x};" for name, value in memory_map(manifest).items()]
    return "\n".join(lines) + "\n"


def memory_map_mk(manifest: dict[str, Any]) -> str:
    """What make needs to know: which drivers of the core, `memory_map.mk`."""
    return f"PANIC_CONSOLE := {manifest['panic_console']['kind']}\nFLASH := {manifest['flash']['kind']}\n"


def peripherals_h(manifest: dict[str, Any]) -> str:
    """The tables in `peripherals.h`."""
    lines = [f"// {HEAD.format(**manifest)}", ""]
    rows: list[str] = []
    channels: list[str] = []
    fixed: list[int] = []
    interrupts: list[str] = []
    for name, peripheral in manifest["peripherals"].items():
        protected = protected_of(peripheral)
        dma = peripheral.get("dma", {})
        table = "NULL"
        if protected:
            table = f"protected_{name}"
            offsets = ", ".join(f"0x{offset:x}" for offset in protected)
            lines.append(f"static const uint16_t {table}[] = {{ {offsets} }};")
        base, size = peripheral["base"], peripheral["size"]
        rows.append(
            f"    {{ MP_QSTR_{name}, 0x{base:08x}, 0x{size:x}, {table}, {len(protected)}, "
            f"{len(dma)}, {len(channels)} }},"
        )
        channels += [channel_row(channel, it) for channel, it in dma.items()]
        fixed += [it["size"] for it in dma.values() if "size" in it]
        for line_name, line in peripheral.get("irq", {}).items():
            interrupts.append(f"    {{ MP_QSTR_{name}, MP_QSTR_{line_name}, {line} }},")
    lines += ["static const peripheral_t peripherals[] = {", *rows, "};", ""]
    lines += ["static const dma_channel_t dma_channels[] = {", *(channels or ["    { 0 },"]), "};", ""]
    lines += [f"#define DMA_LARGEST_FIXED ({max(fixed, default=0)})", ""]
    lines += ["static const interrupt_name_t interrupt_names[] = {", *interrupts, "};"]
    return "\n".join(lines) + "\n"


def write_if_changed(path: Path, text: str) -> None:
    """Leave the file's time alone when its text is the same, so that nothing is rebuilt for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def generate(board: str, folder: Path) -> None:
    """Write the files for `board` into `folder`."""
    board_file(board)
    manifest = read_manifest(board, folder)
    check(manifest)
    check_memory(manifest)
    for name, make in (
        ("memory_map.h", memory_map_h),
        ("memory_map.ld", memory_map_ld),
        ("memory_map.mk", memory_map_mk),
        ("peripherals.h", peripherals_h),
    ):
        write_if_changed(folder / name, make(manifest))


if __name__ == "__main__":
    try:
        generate(sys.argv[1], Path(sys.argv[2]))
    except AdderError as error:
        sys.exit(f"adder: {printable_lines(str(error))}")
