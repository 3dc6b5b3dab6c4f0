"""From ELF file to Tock binary, with the repository's own apps; Tock's tools accept the result."""

import os
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tockloader.tab import TAB
from tockloader.tbfh import TBFFooter, TBFHeader

from adder.apps.app_files import read_app
from adder.apps.credentials import EcdsaP256, Hash
from adder.apps.drivers import parse_permissions
from adder.apps.elf_to_tbf import Options, elf_to_tbf, parse_kernel_version
from adder.apps.tbf import (
    Credentials,
    FixedAddresses,
    Header,
    KernelVersion,
    Main,
    Permission,
    Permissions,
    Program,
    ShortId,
    StoragePermissions,
    Tbf,
    TbfError,
    make_tab,
    walk,
)
from adder.board import ROOT


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few apps, built as `make` builds them."""
    build = tmp_path_factory.mktemp("build")
    wanted = ["hello", "hello-fixed", "faulty-read-kernel", "steady"]
    subprocess.run(
        [
            "make", "-rRs", "-f", "apps/apps.mk", f"BUILD={build}", f"PYTHON={sys.executable}",
            *(f"{build}/apps/{name}.tbf" for name in wanted),
        ],
        check=True, cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))},
    )  # fmt: skip
    return build / "apps"


@pytest.fixture(scope="session")
def hello(apps: Path) -> bytes:
    return (apps / "hello.elf").read_bytes()


def adder(*arguments: object, fails: bool = False) -> str:
    """Run the tool; returns what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "adder", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == (1 if fails else 0), done.stderr
    return done.stderr if fails else done.stdout


def crt0_header(tbf: Tbf) -> tuple[int, ...]:
    return struct.unpack_from("<10I", tbf.binary)


# ------------------------------------------------------------------------- conversion


def test_an_app_is_a_power_of_two_in_size(hello: bytes) -> None:
    for footer in (0, 8, 3000, 100_000):
        tbf = elf_to_tbf(hello, Options("hello", minimum_footer=footer))
        size = len(tbf.encode())
        assert size == tbf.header.total_size >= 512
        assert size & (size - 1) == 0
        assert size - tbf.header.binary_end >= footer


@given(extra=st.integers(0, 600))
@example(extra=450)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_footers_fill_the_space_whatever_it_is(hello: bytes, extra: int) -> None:
    # With 1,800 bytes, four would be left, which is too little for a footer.
    tbf = elf_to_tbf(hello, Options("hello", protected_trailer=extra * 4))
    assert Tbf.decode(tbf.encode()) == tbf
    assert tbf.padding == b""
    assert all(isinstance(f, Credentials) and f.format == 0 for f in tbf.footers)


def test_the_entry_point_is_the_first_code_and_says_thumb(hello: bytes) -> None:
    for trailer in (0, 64):
        tbf = elf_to_tbf(hello, Options("hello", protected_trailer=trailer))
        program = tbf.header.find(Program)
        assert program is not None
        assert program.init_fn_offset == 40 + 64 + trailer + 1  # crt0 header, argument, Thumb
        assert tbf.header.protected_size == tbf.header.size + trailer
        main = tbf.header.find(Main)
        assert main == Main(program.init_fn_offset, trailer, program.min_ram)


def test_minimum_ram_counts_stack_data_and_heaps(hello: bytes) -> None:
    small = elf_to_tbf(hello, Options("hello", app_heap=0, kernel_heap=0)).header.program
    large = elf_to_tbf(hello, Options("hello", app_heap=100, kernel_heap=200)).header.program
    assert small is not None
    assert large is not None
    header = crt0_header(elf_to_tbf(hello, Options("hello")))
    bss_end, stack = header[6] + header[7], header[9]
    assert stack < bss_end <= small.min_ram < bss_end + 8
    assert large.min_ram == small.min_ram + 300


def test_relocations_follow_the_data_where_crt0_looks_for_them(hello: bytes) -> None:
    tbf = elf_to_tbf(hello, Options("hello"))
    at = crt0_header(tbf)[8]
    (length,) = struct.unpack_from("<I", tbf.binary, at)
    assert at + 4 + length == len(tbf.binary)


def test_relocations_of_data_are_kept(tmp_path: Path) -> None:
    source = tmp_path / "main.c"
    source.write_text(
        "int a, b; int *const volatile table[] = {&a, &b};"
        "int (*volatile function)(void); int zero(void) { return 0; }"
        "int (*volatile other)(void) = zero; int main(void) { return *table[0] + other(); }"
    )
    elf = tmp_path / "app.elf"
    runtime = ROOT / "apps" / "runtime"
    subprocess.run(
        [
            "arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-ffreestanding", "-Os", "-fPIC",
            "-msingle-pic-base", "-mpic-register=r9", "-mno-pic-data-is-text-relative",
            "-fno-tree-loop-distribute-patterns", "-nostdlib", "-Wl,--defsym=STACK_SIZE=512",
            "-Wl,--emit-relocs", "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments",
            f"-Wl,-T,{runtime / 'app.ld'}", source, runtime / "crt0.S", runtime / "string.c",
            "-o", elf,
        ],
        check=True,
    )  # fmt: skip
    tbf = elf_to_tbf(elf.read_bytes(), Options("app"))
    header = crt0_header(tbf)
    data_ram, data_size = header[4], header[5]
    (length,) = struct.unpack_from("<I", tbf.binary, header[8])
    entries = list(struct.iter_unpack("<II", tbf.binary[header[8] + 4 :][:length]))
    assert len(entries) == 3
    assert all(data_ram <= offset < data_ram + data_size for offset, _ in entries)


def test_a_fixed_address_app_says_where_it_must_be(apps: Path) -> None:
    tbf = elf_to_tbf((apps / "hello-fixed.elf").read_bytes(), Options("hello-fixed"))
    assert tbf.header.find(FixedAddresses) == FixedAddresses(0x20030000, 0x21040080)
    assert (0x21040080 - tbf.header.protected_size) % 256 == 0


def test_a_fixed_address_without_room_for_the_header_is_refused(apps: Path) -> None:
    long_name = Options("n" * 100)
    with pytest.raises(TbfError, match="multiple of 256"):
        elf_to_tbf((apps / "hello-fixed.elf").read_bytes(), long_name)


def test_the_argument_becomes_part_of_the_binary(hello: bytes) -> None:
    tbf = elf_to_tbf(hello, Options("hello", argument="42 ü"))
    assert tbf.binary[40:104] == "42 ü".encode().ljust(64, b"\0")
    assert elf_to_tbf(hello, Options("hello")).binary[40:104] == bytes(64)
    with pytest.raises(TbfError, match="at most 63"):
        elf_to_tbf(hello, Options("hello", argument="x" * 64))


def test_everything_optional_comes_into_the_header(hello: bytes) -> None:
    storage = StoragePermissions(7, (7, 8), (7,))
    options = Options(
        "hello",
        permissions=parse_permissions(["0x2:0,1-3", "1:"]),
        storage=storage,
        kernel_version=parse_kernel_version("2.1"),
        short_id=ShortId(0x1234),
        app_version=3,
        enabled=False,
        sticky=True,
    )
    header = elf_to_tbf(hello, options).header
    assert header.find(Permissions) == Permissions((Permission(1, 0, 0), Permission(2, 0, 15)))
    assert header.find(StoragePermissions) == storage
    assert header.find(KernelVersion) == KernelVersion(2, 1)
    assert header.find(ShortId) == ShortId(0x1234)
    program = header.find(Program)
    assert program is not None
    assert program.app_version == 3
    assert (header.enabled, header.sticky) == (False, True)


def test_an_app_for_old_kernels_has_main_only(hello: bytes) -> None:
    tbf = elf_to_tbf(hello, Options("hello", program_header=False, kernel_version=None))
    assert tbf.header.find(Program) is None
    assert tbf.header.find(Main) is not None
    assert tbf.footers == ()
    assert Tbf.decode(tbf.encode()) == tbf


@pytest.mark.parametrize("text", ["", "x", "2.x", "70000", "-1.0", "2.0.0"])
def test_a_bad_kernel_version_is_refused_in_words(text: str) -> None:
    with pytest.raises(TbfError, match="kernel version"):
        parse_kernel_version(text)


def test_a_file_that_is_no_elf_is_refused_in_words() -> None:
    for data in (b"", b"nonsense", b"\x7fELF" + bytes(100)):
        with pytest.raises(TbfError, match="ELF"):
            elf_to_tbf(data, Options("x"))


@settings(max_examples=200, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data())
def test_any_mutation_of_an_elf_is_converted_or_refused(hello: bytes, data: st.DataObject) -> None:
    mutated = bytearray(hello)
    headers = struct.unpack_from("<I", hello, 32)[0]  # of sections
    for _ in range(data.draw(st.integers(1, 4))):
        where = st.one_of(
            st.integers(0, 52 + 32 * 4),  # file header and segments
            st.integers(headers, len(hello) - 1),
            st.integers(0, len(hello) - 1),
        )
        mutated[data.draw(where)] = data.draw(st.integers(0, 255))
    del mutated[data.draw(st.one_of(st.just(len(hello)), st.integers(0, len(hello)))) :]
    with suppress(TbfError):
        elf_to_tbf(bytes(mutated), Options("x", argument="y")).encode()


# ------------------------------------------------------------------------- the verbs


def test_the_verbs_make_and_show_an_app(apps: Path, tmp_path: Path) -> None:
    tbf, tab = tmp_path / "a.tbf", tmp_path / "a.tab"
    adder(
        "tbf", apps / "hello.elf", "-o", tbf, "--tab", tab, "--name", "[b]hi", "--argument", "9",
        "--permission", "0x1:0-1", "--write-id", "5", "--read-id", "0x5", "--short-id", "0x77",
    )  # fmt: skip
    for text in (adder("inspect", tbf), adder("inspect", tab)):
        for part in ("[b]hi", "may use driver 0x1", "commands 0, 1", "writes as", "0x77"):
            assert part in text
    assert adder("tab", tbf, "-o", tmp_path / "b.tab") == ""
    assert (tmp_path / "b.tab").read_bytes() == tab.read_bytes()


def test_inspect_shows_every_app_of_a_flash_image(apps: Path, tmp_path: Path) -> None:
    image = tmp_path / "flash.img"
    names = ("hello", "steady")
    image.write_bytes(b"".join((apps / f"{n}.tbf").read_bytes() for n in names) + b"\xff" * 999)
    text = adder("inspect", image)
    assert "at 0x0" in text
    assert all(name in text for name in names)


def test_errors_are_one_sentence(apps: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tbf"
    bad.write_bytes(b"\xff" * 100)
    for arguments in (
        ("tbf", bad, "-o", tmp_path / "x.tbf"),
        ("tbf", apps / "hello.elf", "-o", tmp_path / "x.tbf", "--short-id", "0"),
        ("tbf", apps / "hello.elf", "-o", tmp_path / "x.tbf", "--argument", "x" * 100),
        ("tab", bad, "-o", tmp_path / "x.tab"),
        ("inspect", bad),
        ("inspect", tmp_path / "absent"),
    ):
        message = adder(*arguments, fails=True)
        assert message.startswith("adder: ")
        assert message.count("\n") == 1


# ------------------------------------------------------------------------- Tock's own tools


def tockloader(home: Path, *arguments: object) -> str:
    """Run tockloader on a flash file in `home`."""
    verb, *rest = map(str, arguments)
    command = [
        sys.executable, "-m", "tockloader.main", verb, "--flash-file", str(home / "flash.bin"),
        "--board", "adder", "--arch", "cortex-m4", "--app-address", "0", "--page-size", "512",
    ]  # fmt: skip
    command += rest
    done = subprocess.run(
        command, cwd=home, env={**os.environ, "HOME": str(home)}, check=True,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


def test_tockloader_installs_lists_and_uninstalls_our_apps(apps: Path, tmp_path: Path) -> None:
    names = ("hello", "steady", "faulty-read-kernel")
    tockloader(tmp_path, "install", *(apps / f"{name}.tab" for name in names))
    listing = tockloader(tmp_path, "list")
    assert all(name in listing for name in names)
    flash = (tmp_path / "flash.bin").read_bytes()
    headers = [(at, found) for at, found in walk(flash) if isinstance(found, Header)]
    installed = {header.name: flash[at : at + header.total_size] for at, header in headers}
    for name in names:
        assert installed[name] == (apps / f"{name}.tbf").read_bytes()
    tockloader(tmp_path, "uninstall", "steady")
    assert "steady" not in tockloader(tmp_path, "list")


def test_tockloader_understands_every_part_of_our_headers(hello: bytes, tmp_path: Path) -> None:
    options = Options(
        "hello",
        permissions=parse_permissions(["0x2:0,65"]),
        storage=StoragePermissions(7, (7, 8), (9,)),
        short_id=ShortId(0x1234),
        app_version=3,
    )
    tbf = elf_to_tbf(hello, options)
    header = TBFHeader(tbf.encode())
    assert header.is_valid()
    assert header.is_app()
    assert header.is_enabled()
    assert header.get_app_name() == "hello"
    assert header.get_app_size() == tbf.header.total_size
    assert header.get_header_size() == tbf.header.size
    assert header.get_binary_end_offset() == tbf.header.binary_end
    assert header.get_binary() == tbf.header.encode()
    assert "UNKNOWN" not in str(header)

    path = tmp_path / "hello.tab"
    path.write_bytes(make_tab([tbf]))
    tab = TAB(str(path))
    assert tab.get_app_name() == "hello"
    assert tab.get_supported_architectures() == ["cortex-m4"]
    extracted = tab.extract_app("cortex-m4")
    assert extracted.get_names_and_binaries() == [("cortex-m4.tbf", tbf.encode())]
    footers = TBFFooter(header, tbf.binary, tbf.encode()[tbf.header.binary_end :])
    assert footers.get_size() == tbf.header.total_size - tbf.header.binary_end
    assert "Reserved" in str(footers)


def test_tockloader_understands_a_fixed_address(apps: Path) -> None:
    tab = TAB(str(apps / "hello-fixed.tab"))
    assert tab.get_tbf_names() == ["cortex-m4.0x21040080.0x20030000"]
    header = TBFHeader((apps / "hello-fixed.tbf").read_bytes())
    assert header.has_fixed_addresses()
    fixed = header.get_fixed_addresses()
    assert fixed == (0x20030000, 0x21040080)


def test_an_app_that_is_given_more_ram_keeps_hashes_that_hold_and_no_signature_that_does_not(hello: bytes) -> None:
    hashes = (Hash(256), Hash(384), Hash(512))
    app = read_app(elf_to_tbf(hello, Options("lua", credentials=hashes)).encode(), "lua")
    given = app.with_more_ram(4096)
    assert app.header.program is not None
    assert given.header.program is not None
    assert given.header.program.min_ram == app.header.program.min_ram + 4096
    tbf = Tbf.decode(given.data)
    covered = tbf.header.encode() + tbf.trailer + tbf.binary
    made = [footer for footer in tbf.footers if isinstance(footer, Credentials) and footer.format != 0]
    assert made == [one.make(covered) for one in hashes]
    assert app.with_more_ram(0) == app
    signed = elf_to_tbf(hello, Options("lua", credentials=(EcdsaP256(generate_private_key(SECP256R1())),)))
    with pytest.raises(TbfError, match=r"^lua cannot be given more RAM: it is signed \(ECDSA P-256\)"):
        read_app(signed.encode(), "lua").with_more_ram(1)
