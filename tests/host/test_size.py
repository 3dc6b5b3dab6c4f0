"""Flash and RAM by component."""

import subprocess
from pathlib import Path

import pytest

from adder.board import load_board
from adder.errors import AdderError
from adder.measure.size import HEAP, REST, WIRED, Piece, component, measure, measure_board, read_map, show


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("/x/core/build/qemu/core/mmio.o", "firmware/core"),
        ("/x/core/build/qemu/kernel/syscall.o", "firmware/kernel"),
        ("/x/core/build/qemu/arch/cortex_m4/entry.o", "firmware/arch"),
        ("/x/core/build/qemu/main.o", "firmware/port"),
        ("/x/core/build/qemu/py/frozenmod.o", "micropython"),
        ("/x/core/build/qemu/shared/runtime/pyexec.o", "micropython"),
        ("/x/core/build/qemu/frozen_content.o", "frozen Python"),
        ("/usr/lib/gcc/arm-none-eabi/12.2.1/thumb/libgcc.a(_udivmoddi4.o)", "libgcc"),
        ("/usr/lib/arm-none-eabi/newlib/thumb/libc_nano.a(libc_a-memcpy.o)", "newlib"),
        ("/usr/lib/arm-none-eabi/newlib/thumb/libm.a(libm_a-sf_sqrt.o)", "newlib"),
        ("/x/core/strange.o", "other"),
    ],
)
def test_object_files_belong_to_components(origin: str, name: str) -> None:
    assert component(origin, Path("/x/core/build/qemu")) == name


def test_heap_and_wired_objects_are_components_of_their_own() -> None:
    assert component("/x/wired.o", Path("/x")) == component("/x/not_wired.o", Path("/x")) == WIRED
    built = measure_board(load_board("qemu")).components
    assert built[HEAP].ram >= 4096


MAP = """
Discarded input sections

 .text          0x00000000        0x8 build/core/gone.o

Linker script and memory map

.text           0x00000000      0x120
 *(.text .text.*)
 .text.short    0x00000000       0x10 build/core/a.o
 .text.a_rather_long_section_name
                0x00000010       0x20 build/py/b.o
                0x00000010                a_function
 *fill*         0x00000030        0x4
 .rodata.str1.1
                0x00000034        0x3 build/py/b.o
                                 0x23 (size before relaxing)
.bss            0x20000000       0x40
 COMMON         0x20000000       0x40 build/py/b.o
"""


def test_the_linker_map_is_read() -> None:
    assert list(read_map(MAP)) == [
        Piece(".text", ".text.short", 0x0, 0x10, "build/core/a.o"),
        Piece(".text", ".text.a_rather_long_section_name", 0x10, 0x20, "build/py/b.o"),
        Piece(".text", ".rodata.str1.1", 0x34, 0x3, "build/py/b.o"),
        Piece(".bss", "COMMON", 0x20000000, 0x40, "build/py/b.o"),
    ]


def test_a_map_of_another_kind_is_refused() -> None:
    with pytest.raises(AdderError, match="not one of GNU ld"):
        list(read_map("something else"))


def test_the_components_add_up_to_what_the_elf_file_takes(tiny: Path) -> None:
    size = measure(tiny / "kernel.elf", (tiny / "kernel.map").read_text(), load_board("qemu"))
    assert sum(part.flash for part in size.components.values()) == size.total.flash
    assert sum(part.ram for part in size.components.values()) == size.total.ram
    text, data, bss = map(
        int,
        subprocess.run(
            ["arm-none-eabi-size", tiny / "kernel.elf"], capture_output=True, text=True, check=True
        ).stdout.splitlines()[1].split()[:3],
    )  # fmt: skip
    assert size.total.flash == text + data
    assert size.total.ram == data + bss
    assert size.components["firmware/port"].flash > 0.9 * size.total.flash
    assert 0 <= size.components[REST].flash < 32


def test_the_table_shows_every_board(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = measure(tiny / "kernel.elf", (tiny / "kernel.map").read_text(), load_board("qemu"))
    show({"qemu": size, "nrf52840": size})
    shown = capsys.readouterr().out
    assert "nrf52840 RAM" in shown
    assert f"{size.total.flash:,}" in shown
