"""The same ELF files through `adder tbf` and through a model of elf2tab: every difference is wanted and has a name."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from elf2tab_model import DIFFERENCES, convert, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adder.apps.elf_file import read_elf
from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.apps.tbf import Credentials, FixedAddresses, Program, Tbf, TbfError, read_tab
from adder.board import ROOT
from adder.cli import cli
from adder.errors import AdderError

LINKER_SCRIPT = """
ENTRY(start)
@REGION@
MEMORY { FLASH (X) : ORIGIN = @FLASH@, LENGTH = 64K
         RAM (W) : ORIGIN = @RAM@, LENGTH = 16K }
SECTIONS {
  .start : { *(.start) } > FLASH
  .text ALIGN(4) : { *(.text .text.*) } > FLASH
  .rodata : { *(.rodata .rodata.*) } > FLASH
  @EXTRA@
  .stack (NOLOAD) : { @ORIGIN@ . += 1024; . = ALIGN(16); } > RAM @AT@
  .data ALIGN(4) : { *(.data .data.*) } > RAM AT > FLASH
  .bss ALIGN(4) (NOLOAD) : { *(.bss .bss.*) } > RAM AT > FLASH
  /DISCARD/ : { *(.ARM.exidx* .eh_frame* .comment) }
}
"""

Build = Callable[..., bytes]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Links a program of these C definitions for these addresses; returns the ELF file."""
    folder = tmp_path_factory.mktemp("elfs")

    def make(
        code: str,
        flash: int = 0x21040080,
        ram: int = 0x20030000,
        region: int | None = None,
        extra: str = "",
        at: str = "AT > FLASH",
        *options: str,
    ) -> bytes:
        values = {
            "FLASH": hex(flash), "RAM": hex(ram), "EXTRA": extra, "AT": at,
            "ORIGIN": "_sram_origin = .;" if ram else "",
            "REGION": f"tbf_protected_region_size = {region};" if region is not None else "",
        }  # fmt: skip
        script = LINKER_SCRIPT
        for key, value in values.items():
            script = script.replace(f"@{key}@", value)
        (folder / "app.ld").write_text(script)
        start = '__attribute__((section(".start"), used)) void start(void) { for (;;); }\n'
        (folder / "app.c").write_text(start + code)
        subprocess.run(
            [
                "arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m4", "-Os", "-ffreestanding", "-nostdlib", "-static",
                "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments", "-Wl,-z,max-page-size=4096", "-Wl,--emit-relocs",
                "-Wl,-T,app.ld", *options, "app.c", "-o", "app.elf",
            ],
            check=True, cwd=folder,
        )  # fmt: skip
        return (folder / "app.elf").read_bytes()

    return make


def text_of(length: int) -> str:
    return f'__attribute__((used)) const char text[{length}] = "{"x" * (length - 1)}";\n'


DATA = "__attribute__((used)) volatile unsigned word = 0x12345678;\n"
POINTER = "__attribute__((used)) const char *volatile pointer = text;\n"
CONFIG = '__attribute__((section(".config"), used)) unsigned config[4] = {1, 2, 3, 4};\n'
CONFIG_POINTER = '__attribute__((section(".config"), used)) const char *volatile config = text;\n'
IN_FLASH = ".config ALIGN(4) : { *(.config) } > FLASH"
WFR = '__attribute__((section(".wfr.state"), used, aligned(512))) const char state[512] = {1};\n'
TABLE = "__attribute__((used, aligned(16))) const char table[32] = {1};\n"

PROGRAMS: dict[str, tuple[tuple[object, ...], set[str]]] = {
    # what is built, and the differences that it shows
    "in words": ((text_of(16), 0x21040080, 0x20030000, 0x80), {"RAM"}),
    "odd length": ((text_of(17), 0x21040080, 0x20030000, 0x80), {"RAM", "words"}),
    "the stack has no place in flash": ((text_of(16), 0x21040080, 0x20030000, 0x80, "", ""), set()),
    "an odd region": ((text_of(17), 0x21040064, 0x20030000, 0x64), {"RAM", "words", "smallest"}),
    "a large region": ((text_of(18), 0x21040400, 0x20030000, 0x400), {"RAM", "words", "first section"}),
    "no region": ((text_of(16), 0x21040080), {"RAM"}),
    "data": ((text_of(19) + DATA, 0x21040080, 0x20030000, 0x80), {"RAM", "words"}),
    "data with an address": ((text_of(19) + POINTER, 0x21040080, 0x20030000, 0x80), {"RAM", "words"}),
    "written in flash": ((text_of(16) + CONFIG, 0x21040080, 0x20030000, 0x80, IN_FLASH), {"RAM"}),
    "an address written in flash": (
        (text_of(16) + CONFIG_POINTER, 0x21040080, 0x20030000, 0x80, IN_FLASH),
        {"RAM", "flash"},
    ),
    "one segment": (
        (text_of(17) + CONFIG, 0x21040080, 0x20030000, 0x80, IN_FLASH, "AT > FLASH", "-Wl,-N"),
        {"RAM"},
    ),
    "a flash that it writes": (
        (text_of(16) + WFR, 0x21040200, 0x20030000, 0x200, ".wfr.state : { *(.wfr*) } > FLASH"),
        {"RAM", "first section"},
    ),
    "anywhere": ((text_of(16), 0x80000000, 0), {"RAM"}),
    "anywhere, with a table": ((text_of(16) + TABLE, 0x80000000, 0), {"RAM", "constants"}),
    "anywhere, odd": ((text_of(17), 0x80000000, 0), {"RAM", "words"}),
}


def both(elf: bytes, name: str, wanted: set[str], **options: int) -> tuple[bytes, bytes]:
    """What the model and the tool make of it."""
    ours = elf_to_tbf(elf, Options(name, minimum_footer=options.get("footer", 0))).encode()
    return convert(elf, name, wanted=wanted, **options), ours


@pytest.mark.parametrize("what", PROGRAMS)
def test_each_program_differs_from_elf2tabs_in_what_is_wanted_and_in_nothing_else(build: Build, what: str) -> None:
    arguments, shown = PROGRAMS[what]
    elf = build(*arguments)
    every = set(DIFFERENCES)
    model, ours = both(elf, "app", every)
    assert ours == model
    assert {name for name in every if convert(elf, "app", wanted=every - {name}) != model} == shown
    if not shown:
        assert convert(elf, "app") == ours


def test_relocations_that_say_nothing_are_left_out(build: Build) -> None:
    elf = bytearray(build(*PROGRAMS["data with an address"][0]))
    rel = next(section for section in parse(bytes(elf)).sections if section.name == ".rel.data")
    elf[rel.offset + 4] = 0  # R_ARM_NONE, as the linker leaves it for what it has thrown away
    every = set(DIFFERENCES)
    model, ours = both(bytes(elf), "app", every)
    assert ours == model != convert(bytes(elf), "app", wanted=every - {"none"})


def test_each_difference_is_shown_by_a_program() -> None:
    assert set().union(*(shown for _, shown in PROGRAMS.values()), {"none"}) == set(DIFFERENCES)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    length=st.integers(1, 300), parts=st.sets(st.sampled_from([DATA, CONFIG, TABLE, POINTER])),
    place=st.sampled_from([(0x80000000, 0, None), (0x21040080, 0x20030000, None), (0x210400A4, 0x20030000, 0xA4)]),
    name=st.text("abc-", max_size=9), footer=st.sampled_from([0, 1, 8, 40, 300, 3000]),
    at=st.sampled_from(["", "AT > FLASH"]), more=st.sampled_from([(), ("-Wl,-N",)]),
)  # fmt: skip
def test_any_program_differs_in_what_is_wanted_and_in_nothing_else(
    build: Build,
    length: int,
    parts: set[str],
    place: tuple[int, int, int | None],
    name: str,
    footer: int,
    at: str,
    more: tuple[str, ...],
) -> None:
    elf = build(text_of(length) + "".join(sorted(parts)), *place, IN_FLASH, at, *more)
    model, ours = both(elf, name, set(DIFFERENCES), footer=footer)
    assert ours == model


@pytest.fixture(scope="module")
def repository_apps() -> list[Path]:
    apps = sorted((ROOT / "build" / "apps").glob("*.elf"))
    if not apps:
        pytest.fail("The apps have not been built; run `make test`.", pytrace=False)
    return apps


def test_the_repositorys_apps_differ_in_what_is_wanted_and_in_nothing_else(repository_apps: list[Path]) -> None:
    assert len(repository_apps) > 20
    for path in repository_apps:
        model, ours = both(path.read_bytes(), path.stem, set(DIFFERENCES))
        assert ours == model, path.name


def test_constants_lie_where_they_want_to_wherever_the_app_lies(build: Build) -> None:
    elf = build(text_of(3) + TABLE.replace("16", "64"), 0x80000000, 0)
    for name in ("a", "abcde", "a-name-that-is-longer-than-others"):
        tbf = elf_to_tbf(elf, Options(name))
        assert tbf.header.protected_size % 64 == 0
        assert tbf.binary[: len(read_elf(elf).flash)] == read_elf(elf).flash


def test_a_region_too_small_for_the_header_is_refused_whoever_asks_for_it(build: Build) -> None:
    with pytest.raises(TbfError, match=r"needs \d+ bytes, but the protected region has only 32"):
        elf_to_tbf(build(text_of(4), 0x21040020, 0x20030000, 0x20), Options("app"))
    with pytest.raises(TbfError, match="protected region has only 8"):
        elf_to_tbf(build(text_of(4)), Options("app", protected_region=8))


# ---------------------------------------------------------------------------- in elf2tab's place


def run(*arguments: object) -> str:
    result = CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_takes_elf2tabs_options_and_makes_elf2tabs_files(build: Build, tmp_path: Path) -> None:
    folder = tmp_path / "cortex-m4"
    folder.mkdir()
    first, second = folder / "cortex-m4.elf", folder / "other.elf"
    first.write_bytes(build(text_of(20), 0x80000000, 0))
    second.write_bytes(build(text_of(20), 0x21048100, 0x20034000, 0x100))
    run(
        "tbf", "-v", "--deterministic", "-n", "app", "--stack", "2048", "--app-heap", "1024", "--kernel-heap", "1024",
        "--kernel-major", "2", "--kernel-minor", "1", "--app-version", "5", "--minimum-footer-size", "3000",
        "--permissions", "2,0", "2,1", "1,65", "--write_id", "7", "--read_ids", "7", "0x8", "--access_ids", "7",
        "--short-id", "0x99", "--supported-boards", "one,two", "--sha256", "--sha512",
        "-o", tmp_path / "app.tab", first, f"{second},cortex-m4.0x21048100.0x20034000",
    )  # fmt: skip
    tab = read_tab((tmp_path / "app.tab").read_bytes())
    assert tab.metadata == {
        "tab-version": 1, "name": "app", "minimum-tock-kernel-version": "2.1", "only-for-boards": "one,two"
    }  # fmt: skip
    assert sorted(tab.tbfs) == ["cortex-m4.0x21048100.0x20034000.tbf", "cortex-m4.tbf"]
    tbf = tab.tbfs["cortex-m4.tbf"]
    assert first.with_suffix(".tbf").read_bytes() == tbf.encode()
    program = tbf.header.find(Program)
    assert program is not None
    assert program.app_version == 5
    covered = tbf.encode()[: program.binary_end_offset]
    assert tbf.footers[:2] == (
        Credentials(3, hashlib.sha256(covered).digest()),
        Credentials(5, hashlib.sha512(covered).digest()),
    )
    assert sum(8 + len(f.data) for f in tbf.footers if isinstance(f, Credentials)) >= 3000
    assert tab.tbfs["cortex-m4.0x21048100.0x20034000.tbf"].header.find(FixedAddresses) == FixedAddresses(
        0x20034000, 0x21048100
    )
    text = run("inspect", tmp_path / "app.tab")
    for part in ("may use driver 0x2", "commands 0, 1", "writes as", "0x99", "SHA-256"):
        assert part in text


def test_a_signature_is_one_that_others_can_check(build: Build, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as formats
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256, SHA512

    elf = tmp_path / "app.elf"
    elf.write_bytes(build(text_of(20), 0x80000000, 0))
    keys = {"ecdsa": ec.generate_private_key(ec.SECP256R1()), "rsa": rsa.generate_private_key(65537, 4096)}
    for encoding in (formats.Encoding.DER, formats.Encoding.PEM):
        for name, key in keys.items():
            (tmp_path / name).write_bytes(
                key.private_bytes(encoding, formats.PrivateFormat.PKCS8, formats.NoEncryption())
            )
        run(
            "tbf", elf, "--sha384", "--rsa4096-private", tmp_path / "rsa",
            "--ecdsa-nist-p256-private", tmp_path / "ecdsa",
        )  # fmt: skip
        tbf = Tbf.decode(elf.with_suffix(".tbf").read_bytes())
        covered = tbf.encode()[: tbf.header.binary_end]
        footers = {f.format: f.data for f in tbf.footers if isinstance(f, Credentials)}
        assert footers[4] == hashlib.sha384(covered).digest()
        keys["rsa"].public_key().verify(footers[2][512:], covered, padding.PKCS1v15(), SHA512())
        assert int.from_bytes(footers[2][:512], "big") == keys["rsa"].public_key().public_numbers().n
        r, s = (int.from_bytes(footers[6][at : at + 32], "big") for at in (0, 32))
        keys["ecdsa"].public_key().verify(encode_dss_signature(r, s), covered, ec.ECDSA(SHA256()))
    for option in ("--ecdsa-nist-p256-private", "--rsa4096-private"):
        for wrong in ("rsa" if "ecdsa" in option else "ecdsa", "app.elf"):
            result = CliRunner().invoke(cli, ["tbf", str(elf), option, str(tmp_path / wrong)])
            assert isinstance(result.exception, AdderError), (option, wrong)
            assert wrong in str(result.exception)


EXIDX = """
ENTRY(start)
MEMORY { FLASH (rx) : ORIGIN = 0x80000000, LENGTH = 64K
         SRAM (rwx) : ORIGIN = 0, LENGTH = 16K }
SECTIONS {
  .crt0_header : { LONG(0) LONG(0) LONG(0) LONG(LOADADDR(.data) - ORIGIN(FLASH)) LONG(0) LONG(SIZEOF(.data))
                   LONG(0) LONG(0)
                   LONG(LOADADDR(.endflash) - ORIGIN(FLASH)) LONG(1024) } > FLASH
  .text : { *(.start) *(.text*) *(.rodata*) } > FLASH
  .stack (NOLOAD) : { . += 1024; } > SRAM
  .data : AT (ADDR(.text) + SIZEOF(.text)) { *(.data*) } > SRAM
  .endflash : AT (LOADADDR(.data) + SIZEOF(.data)) { } > FLASH
  @EXIDX@
}
"""


@pytest.mark.parametrize("kept", [True, False])
def test_a_section_where_relocations_are_looked_for_is_warned_of(tmp_path: Path, kept: bool) -> None:
    place = ".ARM.exidx : AT (LOADADDR(.endflash)) { *(.ARM.exidx*) } > FLASH"
    script = EXIDX.replace("@EXIDX@", place if kept else "/DISCARD/ : { *(.ARM.exidx*) }")
    (tmp_path / "app.ld").write_text(script)
    (tmp_path / "app.c").write_text(
        '__attribute__((section(".start"), used)) void start(void) { for (;;); }\n'
        "__attribute__((used)) int word = 3; void __aeabi_unwind_cpp_pr0(void) {}\n"
    )
    elf = tmp_path / "app.elf"
    subprocess.run(
        [
            "arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m4", "-funwind-tables", "-nostdlib", "-static",
            "-Wl,--no-warn-rwx-segments", "-Wl,--build-id=none", f"-Wl,-T,{tmp_path / 'app.ld'}", tmp_path / "app.c",
            "-o", elf,
        ],
        check=True,
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "adder", "tbf", elf],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    if kept:
        assert ".ARM.exidx lies where the program's start-up code looks for relocations" in done.stderr
    else:
        assert done.stderr == ""
