"""Flashing boards through fake tools, a folder that plays a UF2 drive, and a bootloader at a pseudo-terminal."""

import binascii
import json
import os
import struct
import sys
import threading
import time
import tty
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from intelhex import IntelHex
from making import ElfMaker, make_tbf

from adder.board import Board
from adder.cli import cli
from adder.errors import AdderError
from adder.flash import console, method, nordic_dfu, probes, serial_port, uf2_drive
from adder.flash.command import choose_way
from adder.flash.formats import adafruit_init_packet, nordic_init_packet, to_uf2
from adder.flash.image import Image, Piece, make_image

KERNEL = b"\x01\x02\x03\x04" * 2000
JLINK_LIST = "J-Link[0]: Connection: USB, Serial number: 683339521, ProductName: J-Link-OB-SAM3U128\n"
TWO_JLINKS = JLINK_LIST + "J-Link[1]: Connection: USB, Serial number: 51000000, ProductName: J-Link EDU\n"
PYOCD_LIST = json.dumps({"boards": [{"unique_id": "0240000034544e45", "info": "Arm DAPLink"}]})
INFO = "UF2 Bootloader {}\r\nModel: {}\r\nBoard-ID: {}\r\nDate: Dec  1 2024\r\nSoftDevice: {}\r\n"


class Desk:
    """Everything that `adder flash` looks at, empty at first."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.tools = folder / "tools"
        self.usb = folder / "usb"
        self.build = folder / "build"
        self.mounts = folder / "mounts"
        self.ports: list[SimpleNamespace] = []
        self._log = folder / "log"
        for made in (self.tools, self.usb, self.build):
            made.mkdir()
        self.mounts.write_text("proc /proc proc rw 0 0\n")
        self._python = sys.executable
        monkeypatch.setenv("PATH", str(self.tools))
        monkeypatch.setattr(method, "sys", SimpleNamespace(executable=str(self.tools / "python"), stderr=sys.stderr))
        monkeypatch.setattr(probes, "USB_DEVICES", self.usb)
        monkeypatch.setattr(uf2_drive, "MOUNTS", self.mounts)
        monkeypatch.setattr(serial_port.list_ports, "comports", lambda: self.ports)
        monkeypatch.setattr(Board, "build", self.build)

    def tool(self, name: str, *answers: tuple[str, str], says: str = "", code: int = 0) -> None:
        """Install a tool; it gives the answer whose key is in its arguments, or in the script they name.

        Asked anything else, it says `says` and ends with the code.
        """
        script = (
            f"#!{self._python}\nimport json, pathlib, sys\n"
            f"with open({str(self._log)!r}, 'a') as log: log.write(json.dumps([{name!r}, *sys.argv[1:]]) + '\\n')\n"
            "said = ' '.join(sys.argv[1:])\n"
            "for word in sys.argv[1:]:\n"
            "    if word.endswith('.jlink'): said += pathlib.Path(word).read_text()\n"
            f"for key, answer in {answers!r}:\n"
            "    if key in said:\n"
            "        print(answer)\n"
            "        sys.exit(0)\n"
            f"print({says!r})\nsys.exit({code})\n"
        )
        (self.tools / name).write_text(script)
        (self.tools / name).chmod(0o755)

    def calls(self) -> list[list[str]]:
        if not self._log.exists():
            return []
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def plug_probe(self, vendor: str, product: str, name: str, serial: str) -> None:
        folder = self.usb / f"1-{len(list(self.usb.iterdir()))}"
        folder.mkdir()
        for key, value in (("idVendor", vendor), ("idProduct", product), ("product", name), ("serial", serial)):
            (folder / key).write_text(value + "\n")

    def plug_port(self, device: str, vid: int, pid: int, product: str = "a board") -> None:
        self.ports.append(SimpleNamespace(device=device, vid=vid, pid=pid, product=product, serial_number=device))

    def mount(
        self,
        name: str,
        model: str,
        softdevice: str = "not found",
        board: str = "nRF52840-Feather-revE",
        version: str = "0.9.2",
    ) -> Path:
        drive = self.folder / name
        drive.mkdir()
        (drive / "INFO_UF2.TXT").write_text(INFO.format(version, model, board, softdevice))
        with self.mounts.open("a") as file:
            file.write(f"/dev/sdx {str(drive).replace(' ', chr(92) + '040')} vfat rw 0 0\n")
        return drive


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    folder = tmp_path / "desk"
    folder.mkdir()
    return Desk(folder, monkeypatch)


@pytest.fixture
def kernel(elf: ElfMaker) -> Path:
    return elf([(0, 0, KERNEL)])


@pytest.fixture
def kernel_behind_mbr(elf: ElfMaker) -> Path:
    return elf([(0x1000, 0x1000, KERNEL)])


def flash(*arguments: object) -> str:
    """What `adder flash` prints; raises its error."""
    result = CliRunner().invoke(cli, ["flash", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def written_hex(desk: Desk) -> bytes:
    read = IntelHex(str(desk.build / "flash/flash.hex"))
    return bytes(read.tobinstr())


# -- Debug probes -------------------------------------------------------------------


def test_pyocd_writes_compares_and_restarts(desk: Desk, kernel: Path) -> None:
    desk.tool("pyocd", ("json --probes", PYOCD_LIST), ("compare", f"All {len(KERNEL)} bytes match."))
    out = flash("--kernel", kernel)
    listing, uicr, load, compare = desk.calls()
    assert listing == ["pyocd", "json", "--probes"]
    assert "read32 0x10001200 4" in uicr
    chosen = ["--no-wait", "--target", "nrf52840", "--uid", "0240000034544e45"]
    options = ["-O", "auto_unlock=false", "--erase", "sector", "--no-reset"]
    assert load == ["pyocd", "load", *chosen, *options, str(desk.build / "flash/flash.hex")]
    assert compare[:7] == ["pyocd", "commander", *chosen]
    assert compare[-2:] == ["-c", "reset"]
    assert "Writing through pyOCD: 0240000034544e45 (Arm DAPLink)" in out
    assert out.endswith("8,000 bytes written, verified; the board has been restarted.\n")
    assert written_hex(desk) == KERNEL
    assert (desk.build / "flash/flash-0x00000000.bin").read_bytes() == KERNEL


def test_a_difference_that_pyocd_finds_is_an_error(desk: Desk, kernel: Path) -> None:
    desk.tool("pyocd", ("json --probes", PYOCD_LIST), ("compare", "Mismatched byte at 0x00000000"))
    with pytest.raises(AdderError, match="pyocd found that the flash is not what was written"):
        flash("--kernel", kernel)


def test_jlink_writes_verifies_and_restarts(desk: Desk, kernel: Path) -> None:
    desk.tool("JLinkExe", ("ShowEmuList", JLINK_LIST))
    out = flash("--kernel", kernel, "--method", "jlink")
    write = desk.calls()[-1]
    assert write[write.index("-SelectEmuBySN") + 1] == "683339521"
    assert write[write.index("-Device") + 1] == "nRF52840_xxAA"
    script = (desk.build / "flash/flash.jlink").read_text().splitlines()
    assert script[0:2] == ["r", "h"]
    assert script[2] == f'loadfile "{desk.build}/flash/flash.hex"'
    assert script[3] == f'verifybin "{desk.build}/flash/flash-0x00000000.bin", 0x0'
    assert script[4:] == ["r", "g", "exit"]
    assert "683339521 (J-Link-OB-SAM3U128)" in out


def test_nrfjprog_writes_verifies_and_restarts(desk: Desk, kernel: Path) -> None:
    desk.tool("nrfjprog", ("--ids", "683339521"))
    flash("--kernel", kernel)
    path = str(desk.build / "flash/flash.hex")
    options = ["--family", "NRF52", "--snr", "683339521", "--program", path, "--sectorerase", "--verify", "--reset"]
    assert desk.calls()[-1] == ["nrfjprog", *options]


@pytest.mark.parametrize(
    ("vendor", "product", "name", "interface", "transport"),
    [
        ("1366", "1015", "J-Link", "jlink", "swd"),
        ("0d28", "0204", "DAPLink", "cmsis-dap", "swd"),
        ("2e8a", "000c", "Debug Probe (CMSIS-DAP)", "cmsis-dap", "swd"),
        ("0483", "374b", "STM32 STLink", "stlink", "hla_swd"),
    ],
)
def test_openocd_is_told_which_probe_there_is(
    desk: Desk, kernel: Path, vendor: str, product: str, name: str, interface: str, transport: str
) -> None:
    desk.plug_probe(vendor, product, name, "1234")
    desk.plug_probe("046d", "c31c", "Keyboard", "")
    desk.tool("openocd")
    flash("--kernel", kernel)
    uicr, call = desk.calls()
    assert "mdw 0x10001200" in uicr[-1]
    assert call[:5] == ["openocd", "-f", f"interface/{interface}.cfg", "-c", f"transport select {transport}"]
    assert call[5:8] == ["-f", "target/nrf52.cfg", "-c"]
    assert call[8] == f"program {{{desk.build}/flash/flash.hex}} verify reset exit"


def test_openocd_is_told_which_of_several(desk: Desk, kernel: Path) -> None:
    desk.plug_probe("0d28", "0204", "DAPLink", "AAA1")
    desk.plug_probe("0d28", "0204", "DAPLink", "BBB2")
    desk.tool("openocd")
    flash("--kernel", kernel, "--probe", "bbb")
    assert "adapter serial BBB2" in desk.calls()[-1]


def test_a_tool_that_fails_is_named(desk: Desk, kernel: Path) -> None:
    desk.tool("nrfjprog", ("--ids", "683339521"), code=33)
    with pytest.raises(AdderError, match=r"^nrfjprog failed with exit code 33; what it says is above\.$"):
        flash("--kernel", kernel)


NO_CHIP = "^The probe is there, but no chip answers it: has the board power"
BUSY = "^The probe is there, but it cannot be opened: does another program use it"
LOCKED = r"^The chip is locked against debuggers \(APPROTECT\)\. Opening it erases all that is on it: `.*"


@pytest.mark.parametrize(
    ("tool", "says", "words"),
    [
        ("pyocd", "E No target device available [load_cmd]", "^The probe is no longer there"),
        ("pyocd", "C SWD/JTAG communication failure (No ACK; make sure the target is powered) [__main__]", NO_CHIP),
        (
            "pyocd",
            "W NRF52840 APPROTECT enabled: not automatically unlocking [target_nRF52]",
            LOCKED + r"pyocd load --no-wait --target nrf52840 --uid 0240000034544e45 --erase sector --no-reset .*hex`",
        ),
        ("openocd", "Error: Error connecting DP: cannot read IDR", NO_CHIP),
        ("openocd", "Error: unable to find a matching CMSIS-DAP device", BUSY),
        (
            "openocd",
            "nRF52 device has AP lock engaged (see UICR …",
            LOCKED + "nrf52_recover; exit'`",
        ),
        (
            "nrfjprog",
            "ERROR: The operation attempted is unavailable due to readback protection in",
            LOCKED + "nrfjprog --recover --family NRF52 --snr 683339521`, then write again",
        ),
    ],
)
def test_what_a_tool_complains_of_is_said_in_a_sentence(
    desk: Desk, kernel: Path, tool: str, says: str, words: str
) -> None:
    desk.plug_probe("0d28", "0204", "DAPLink", "AAA1")
    desk.tool(tool, ("json --probes", PYOCD_LIST), ("--ids", "683339521"), says=says, code=1)
    with pytest.raises(AdderError, match=words):
        flash("--kernel", kernel, "--method", tool)


def test_a_tools_output_is_shown_as_it_comes(desk: Desk, kernel: Path) -> None:
    desk.tool("nrfjprog", ("--ids", "683339521"), says="Programming: 42 %")
    assert "Programming: 42 %\n" in flash("--kernel", kernel)


def test_probes_without_a_serial_number_list_are_found_by_their_ports(
    desk: Desk, kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "USB_DEVICES", desk.folder / "nowhere")
    desk.plug_port("COM7", 0x1366, 0x0105, "J-Link")
    assert [(probe.id, probe.kind) for probe in probes.usb_probes()] == [("COM7", "jlink")]


# -- Which one ----------------------------------------------------------------------


def test_one_of_several_probes_must_be_chosen(desk: Desk, kernel: Path) -> None:
    desk.tool("JLinkExe", ("ShowEmuList", TWO_JLINKS))
    sentence = r"^Several probes are connected: 683339521 \(J-Link-OB-SAM3U128\), 51000000 \(J-Link EDU\); choose one"
    with pytest.raises(AdderError, match=sentence + r" with --probe\.$"):
        flash("--kernel", kernel)
    flash("--kernel", kernel, "--probe", "51000000")
    assert "51000000" in desk.calls()[-1]


def test_a_probe_that_is_not_there(desk: Desk, kernel: Path) -> None:
    desk.tool("pyocd", ("json", PYOCD_LIST))
    with pytest.raises(
        AdderError, match=r"^No probe '99' is connected; connected: 0240000034544e45 \(Arm DAPLink\)\.$"
    ):
        flash("--kernel", kernel, "--method", "pyocd", "--probe", "99")


def test_nothing_is_connected(desk: Desk, kernel: Path) -> None:
    with pytest.raises(AdderError, match=r"^No board was found: plug in a debug probe, or put the board into"):
        flash("--kernel", kernel)


def test_a_probe_for_which_nothing_is_installed(desk: Desk, kernel: Path) -> None:
    desk.plug_probe("1366", "1015", "J-Link", "683339521")
    with pytest.raises(AdderError, match=r"probe is connected \(683339521 \(J-Link\)\), but nothing .*\.\[flash\]"):
        flash("--kernel", kernel)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pyocd", r"^pyocd is not installed; .*pip install -e '\.\[flash\]'` gets it\.$"),
        ("jlink", r"^JLinkExe is not installed; SEGGER's J-Link software \(https.*\) brings it\.$"),
        ("openocd", r"^openocd is not installed; .*sudo apt install openocd.*\.$"),
        ("nrfjprog", r"^nrfjprog is not installed; Nordic's .* bring it .*\.$"),
        ("bossac", r"^bossac is not installed; Arduino's variant .*\.$"),
    ],
)
def test_a_tool_that_is_not_installed(desk: Desk, kernel: Path, name: str, words: str) -> None:
    with pytest.raises(AdderError, match=words):
        flash("--kernel", kernel, "--method", name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pyocd", "pyOCD finds no debug probe"),
        ("jlink", "J-Link Commander finds no J-Link"),
        ("openocd", "No debug probe is connected that OpenOCD could use"),
        ("nrfjprog", "nrfjprog finds no J-Link"),
        ("uf2", "No UF2 drive of an nRF52840 is mounted: press"),
        ("dfu", "No serial port of a DFU bootloader is connected: press"),
        ("bossac", "No Arduino Nano 33 BLE is connected: press"),
    ],
)
def test_a_way_that_finds_nothing(desk: Desk, kernel: Path, name: str, words: str) -> None:
    for tool in ("pyocd", "JLinkExe", "openocd", "nrfjprog", "bossac"):
        desk.tool(tool)
    with pytest.raises(AdderError, match="^" + words):
        flash("--kernel", kernel, "--method", name)


def test_of_two_ways_the_one_is_taken_that_the_kernel_was_built_for(desk: Desk, kernel: Path) -> None:
    desk.mount("FTHR840BOOT", "Adafruit Feather nRF52840 Express")
    desk.tool("nrfjprog", ("--ids", "683339521"))
    assert "Writing through nrfjprog" in flash("--kernel", kernel)


def test_of_two_ways_that_both_fit_one_must_be_chosen(desk: Desk, kernel_behind_mbr: Path) -> None:
    desk.mount("FTHR840BOOT", "Adafruit Feather nRF52840 Express")
    desk.tool("nrfjprog", ("--ids", "683339521"))
    with pytest.raises(AdderError, match=r"^There are several ways to a board \(uf2: .*, nrfjprog: .*\); choose"):
        flash("--kernel", kernel_behind_mbr)
    assert "Writing through nrfjprog" in flash("--kernel", kernel_behind_mbr, "--probe", "683339521")


def test_the_simulated_board_is_not_flashed(desk: Desk) -> None:
    with pytest.raises(
        AdderError,
        match=r"^QEMU mps2-an386 cannot be flashed; `adder simulate --board qemu` .* `make flash",
    ):
        flash("--board", "qemu")


# -- What is written ----------------------------------------------------------------


def test_apps_are_written_behind_the_kernel(desk: Desk, kernel: Path, tmp_path: Path) -> None:
    desk.tool("nrfjprog", ("--ids", "683339521"))
    paths = []
    for name in ("hello", "blink"):
        paths.append(tmp_path / f"{name}.tbf")
        paths[-1].write_bytes(make_tbf(name))
    out = flash("--kernel", kernel, "--apps", *paths)
    assert "0x00000000  8,000  kernel" in out
    assert "0x00080000  4,096  apps hello, blink" in out
    assert b"hello" in written_hex(desk)[0x80000:0x80200]


def test_apps_alone(desk: Desk, tmp_path: Path) -> None:
    drive = desk.mount("FTHR840BOOT", "Adafruit Feather nRF52840 Express")
    path = tmp_path / "hello.tbf"
    path.write_bytes(make_tbf("hello"))
    out = flash("--no-kernel", path, "--method", "uf2", "--dry-run")
    assert out.splitlines()[-2:] == [f"copy 8,192 bytes to {drive}/ADDER.UF2", "wait until the drive is gone"]


def test_a_dry_run_writes_nothing(desk: Desk, kernel: Path) -> None:
    desk.tool("nrfjprog", ("--ids", "683339521"))
    out = flash("--kernel", kernel, "--dry-run")
    assert desk.calls() == [["nrfjprog", "--ids"]]
    assert out.splitlines()[-2].startswith(f"{desk.tools}/nrfjprog --family NRF52 --snr 683339521 --program ")


def test_a_dry_run_needs_no_board(desk: Desk, kernel: Path) -> None:
    out = flash("--kernel", kernel, "--dry-run").replace("\n", " ")
    assert "That would be written. No board was found: plug in a debug probe" in out


@pytest.mark.parametrize("suffix", [".hex", ".bin", ".uf2", ".zip"])
def test_a_file_needs_no_board(desk: Desk, kernel: Path, tmp_path: Path, suffix: str) -> None:
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    assert str(one) in flash("--kernel", kernel, "--out", one)
    result = CliRunner().invoke(cli, ["image", "export", str(kernel), "-o", str(other)])
    assert result.exit_code == 0, result.output
    assert one.read_bytes() == other.read_bytes()


# -- UF2 ----------------------------------------------------------------------------


def restart_when_written(drive: Path, size: int, taken: list[bytes]) -> threading.Thread:
    """Play the bootloader: when the whole file is there, keep it, and let the drive vanish."""

    def play() -> None:
        path = drive / "ADDER.UF2"
        for _ in range(1000):
            if path.exists() and path.stat().st_size == size:
                taken.append(path.read_bytes())
                (drive / "INFO_UF2.TXT").unlink()
                return
            time.sleep(0.01)

    thread = threading.Thread(target=play)
    thread.start()
    return thread


def test_a_uf2_drive_gets_the_kernel(desk: Desk, kernel_behind_mbr: Path) -> None:
    drive = desk.mount("FTHR 840 BOOT", "Adafruit Feather nRF52840 Express")
    desk.mount("RPI-RP2", "Raspberry Pi RP2", board="RPI-RP2")
    expected = to_uf2(make_image([Piece("kernel", 0x1000, KERNEL)]))
    taken: list[bytes] = []
    thread = restart_when_written(drive, len(expected), taken)
    out = flash("--kernel", kernel_behind_mbr)
    thread.join()
    assert taken == [expected]
    assert "Writing through UF2 drive: " in out
    assert "the bootloader has taken all blocks; the board has been restarted" in out


def test_a_drive_can_be_named_by_its_folder_mounted_or_not(desk: Desk, kernel_behind_mbr: Path, tmp_path: Path) -> None:
    drive = desk.mount("FTHR 840 BOOT", "Adafruit Feather nRF52840 Express")
    desk.mounts.write_text("")
    assert f"bytes to {drive}/ADDER.UF2" in flash("--kernel", kernel_behind_mbr, "--port", drive, "--dry-run").replace(
        "\n", ""
    )
    with pytest.raises(AdderError, match=r"is a folder, but not the drive of an nRF52840's UF2 bootloader"):
        flash("--kernel", kernel_behind_mbr, "--port", tmp_path, "--dry-run")


def test_a_drive_that_stays_means_that_the_file_was_not_taken(
    desk: Desk, kernel_behind_mbr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uf2_drive, "PATIENCE", 0.2)
    desk.mount("FTHR840BOOT", "Adafruit Feather nRF52840 Express")
    with pytest.raises(AdderError, match=r"^The board has not restarted: its bootloader did not take the file"):
        flash("--kernel", kernel_behind_mbr)


def test_a_drive_that_is_pulled_out_is_an_error(desk: Desk, elf: ElfMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    drive = desk.mount("FTHR840BOOT", "Adafruit Feather nRF52840 Express")

    def no_write(file: int, data: bytes) -> int:
        (drive / "INFO_UF2.TXT").unlink()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(uf2_drive, "os", SimpleNamespace(**{**vars(os), "write": no_write}))
    with pytest.raises(AdderError, match=r"ADDER\.UF2 could not be written: Input/output error\.$"):
        flash("--kernel", elf([(0x1000, 0x1000, KERNEL * 8)]))


def test_a_drive_can_be_named(desk: Desk, kernel_behind_mbr: Path) -> None:
    desk.mount("FTHR840BOOT", "Adafruit Feather nRF52840 Express")
    other = desk.mount("MDK840DONGL", "MDK nRF52840 USB Dongle", board="nRF52840-Dongle-v1")
    with pytest.raises(AdderError, match=r"Several UF2 drives are connected: .*; choose one with --port\.$"):
        flash("--kernel", kernel_behind_mbr, "--dry-run")
    assert str(other) in flash("--kernel", kernel_behind_mbr, "--port", other, "--dry-run")


@pytest.mark.parametrize(
    ("softdevice", "start", "fits"),
    [
        ("not found", 0x1000, True),
        ("not found", 0x26000, False),
        ("S140 6.1.1", 0x1000, True),
        ("S140 6.1.1", 0x26000, True),
        ("S140 6.1.1", 0x27000, False),
        ("S140 7.3.0", 0x27000, True),
        ("S140 version 7.3.0", 0x27000, True),
        ("S140 7.3.0", 0x30000, False),
    ],
)
def test_a_kernel_must_lie_where_the_uf2_bootloader_starts_it(
    desk: Desk, elf: ElfMaker, softdevice: str, start: int, fits: bool
) -> None:
    desk.mount("FTHR840BOOT", "Adafruit Feather nRF52840 Express", softdevice)
    kernel = elf([(start, start, KERNEL)])
    if fits:
        flash("--kernel", kernel, "--dry-run")
    else:
        with pytest.raises(AdderError, match=rf"^The kernel lies at {start:#x}, where the UF2 bootloader does not"):
            flash("--kernel", kernel, "--dry-run")


# -- What would overwrite the bootloader --------------------------------------------


@pytest.mark.parametrize(
    ("vid", "pid", "start", "size", "words"),
    [
        (0x1915, 0x521F, 0, 100, "The kernel lies at 0x0, over the MBR that Nordic's bootloader needs; it must"),
        (0x1915, 0x521F, 0x2000, 100, "The kernel lies at 0x2000, where Nordic's bootloader does not start it"),
        (0x1915, 0x521F, 0x1000, 0xE0000, "The kernel reaches to 0xe1000, over Nordic's bootloader, which begins at"),
        (0x239A, 0x0029, 0x1000, 0xEA000, "The kernel reaches to 0xeb000, over what Adafruit's bootloader keeps"),
        (0x239A, 0x0029, 0, 100, "The kernel lies at 0x0, over the MBR that Adafruit's bootloader needs"),
        (0x2341, 0x005A, 0x1000, 100, "The kernel lies at 0x1000, over the part that Arduino's bootloader needs"),
        (0x2341, 0x005A, 0x10000, 0xD0004, "The kernel reaches to 0xe0004, over newer versions of Arduino's bootl"),
    ],
)
def test_what_would_overwrite_a_bootloader_is_refused(
    desk: Desk, elf: ElfMaker, vid: int, pid: int, start: int, size: int, words: str
) -> None:
    desk.tool("bossac")
    desk.plug_port("/dev/ttyACM9", vid, pid)
    with pytest.raises(AdderError, match="^" + words):
        flash("--kernel", elf([(start, start, b"x" * size)]))


def test_a_uf2_drive_refuses_the_mbr_and_what_is_above(desk: Desk, elf: ElfMaker) -> None:
    desk.mount("FTHR840BOOT", "Adafruit Feather nRF52840 Express")
    with pytest.raises(
        AdderError, match="over the MBR that the UF2 bootloader needs; it must be built to lie at 0x1000"
    ):
        flash("--kernel", elf([(0, 0, KERNEL)]))
    with pytest.raises(AdderError, match="over what the UF2 bootloader does not take, which begins at 0xea000"):
        flash("--kernel", elf([(0x1000, 0x1000, b"x" * 0xEA000)]))


@pytest.mark.parametrize(
    ("version", "end"), [("0.6.0", 0xAD000), ("0.6.1", 0xEA000), ("0.10.0-2-gabc lib/nrfx", 0xEA000)]
)
def test_an_old_uf2_bootloader_takes_less(desk: Desk, elf: ElfMaker, version: str, end: int) -> None:
    desk.mount("FTHR840BOOT", "Adafruit Feather nRF52840 Express", version=version)
    flash("--kernel", elf([(0x1000, 0x1000, b"x" * (end - 0x1000))]), "--dry-run")
    with pytest.raises(AdderError, match=f"does not take, which begins at {end:#x};"):
        flash("--kernel", elf([(0x1000, 0x1000, b"x" * (end - 0xFFC))]), "--dry-run")


def test_a_probe_writes_no_further_than_the_flash_goes(desk: Desk, elf: ElfMaker) -> None:
    desk.tool("nrfjprog", ("--ids", "683339521"))
    with pytest.raises(AdderError, match="reaches to 0x100004, over the end of the nRF52840's flash"):
        flash("--kernel", elf([(0xFFFFC, 0xFFFFC, b"12345678")]))


# -- Serial ports -------------------------------------------------------------------


def test_adafruits_bootloader_is_written_by_their_tool(desk: Desk, kernel_behind_mbr: Path) -> None:
    desk.plug_port("/dev/ttyACM0", 0x239A, 0x0029)
    desk.plug_port("/dev/ttyACM1", 0x239A, 0x8029, "CircuitPython")
    with pytest.raises(AdderError, match=r"^adafruit-nrfutil is not installed; .*gets it\.$"):
        flash("--kernel", kernel_behind_mbr)
    desk.tool("adafruit-nrfutil", ("", "Device programmed."))
    out = flash("--kernel", kernel_behind_mbr)
    assert "Device programmed." in out
    (call,) = desk.calls()
    package = str(desk.build / "flash/flash-adafruit.zip")
    options = ["--package", package, "--port", "/dev/ttyACM0", "--baudrate", "115200", "--singlebank"]
    assert call == ["adafruit-nrfutil", "dfu", "serial", *options]


class AdafruitBootloader(threading.Thread):
    """Adafruit's bootloader at a pseudo-terminal: packets of Nordic's SDK 11 (HCI over SLIP), each acknowledged."""

    START, INIT, DATA, STOP = 3, 1, 4, 5

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self.kinds: list[int] = []
        self.sizes: tuple[int, ...] = ()
        self.packet = self.firmware = b""

    def run(self) -> None:
        frame = b""
        while True:
            try:
                received = os.read(self.master, 4096)
            except OSError:
                return
            *frames, frame = (frame + received).split(b"\xc0")
            for done in filter(None, frames):
                self._take(nordic_dfu.slip_decode(done))

    def _take(self, packet: bytes) -> None:
        first, low, high, check = packet[:4]
        payload = packet[4:-2]
        # A sequence number, a checksum follows, to be acknowledged; type 14; the length. The header adds up to 0.
        assert first & 0xC0 == 0xC0
        assert low & 0x0F == 14
        assert low >> 4 | high << 4 == len(payload)
        assert (first + low + high + check) & 0xFF == 0
        assert binascii.crc_hqx(packet[:-2], 0xFFFF) == int.from_bytes(packet[-2:], "little")
        kind, rest = int.from_bytes(payload[:4], "little"), payload[4:]
        if kind == self.START:
            self.sizes = struct.unpack("<IIII", rest)
        elif kind == self.INIT:
            self.packet = rest[:-2]
        elif kind == self.DATA:
            self.firmware += rest
        self.kinds.append(kind)
        acknowledged = (first + 1) % 8 << 3
        os.write(self.master, bytes([0xC0, acknowledged, 0, 0, -acknowledged & 0xFF, 0xC0]))


def test_adafruits_own_tool_sends_the_whole_kernel(desk: Desk, elf: ElfMaker) -> None:
    # The real one, except for the line DTR, which a pseudo-terminal has not.
    tool = desk.tools / "adafruit-nrfutil"
    tool.write_text(
        f"#!{sys.executable}\nimport serial\nserial.Serial._update_dtr_state = lambda self: None\n"
        "from nordicsemi.__main__ import cli\ncli()\n"
    )
    tool.chmod(0o755)
    board = AdafruitBootloader()
    board.start()
    desk.plug_port(board.port, 0x239A, 0x0029)
    firmware = bytes(range(256)) * 20 + b"end"
    out = flash("--kernel", elf([(0x26000, 0x26000, firmware)]))
    padded = firmware + b"\xff"
    assert board.firmware == padded
    assert board.packet == adafruit_init_packet(padded)
    application = 4
    assert board.sizes == (application, 0, 0, len(padded))
    assert (board.kinds[:2], board.kinds[-1]) == ([board.START, board.INIT], board.STOP)
    assert "verified by the bootloader's checksum" in out


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (
            "Error is: No data received on serial port. Not able to proceed.",
            "^Nobody answers",
        ),
        ("Error is: Serial port could not be opened on /dev/ttyACM0.", "^The serial port cannot be opened"),
        ("Something else", r"^adafruit-nrfutil has not done its work; what it says is above\.$"),
    ],
)
def test_adafruits_tool_exits_with_0_and_is_not_believed(
    desk: Desk, kernel_behind_mbr: Path, says: str, words: str
) -> None:
    desk.plug_port("/dev/ttyACM0", 0x239A, 0x0029)
    desk.tool("adafruit-nrfutil", says=says)
    with pytest.raises(AdderError, match=words):
        flash("--kernel", kernel_behind_mbr)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("No device found on ttyACM0", "^No bootloader answers: press its reset button twice, quickly"),
        ("Device unsupported", "^This bossac does not know the board: Arduino's variant of it is needed"),
    ],
)
def test_what_bossac_complains_of_is_said_in_a_sentence(desk: Desk, elf: ElfMaker, says: str, words: str) -> None:
    desk.plug_port("/dev/ttyACM0", 0x2341, 0x005A)
    desk.tool("bossac", says=says, code=1)
    with pytest.raises(AdderError, match=words):
        flash("--kernel", elf([(0x10000, 0x10000, KERNEL)]))


def test_an_arduino_is_written_by_bossac(desk: Desk, elf: ElfMaker) -> None:
    desk.plug_port("/dev/ttyACM0", 0x2341, 0x005A)
    desk.tool("bossac")
    out = flash("--kernel", elf([(0x10000, 0x10000, KERNEL)]))
    path = desk.build / "flash/flash.bin"
    assert desk.calls() == [["bossac", "--port=ttyACM0", "-U", "-i", "-e", "-w", str(path), "-R"]]
    assert path.read_bytes() == KERNEL
    assert "not verified, since this bootloader cannot be read" in out


def test_an_arduino_sketch_is_asked_to_enter_the_bootloader(
    desk: Desk, elf: ElfMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = []

    class Touch:
        def __init__(self, port: str, speed: int) -> None:
            touched.append((port, speed))

        def close(self) -> None:
            desk.ports.clear()
            desk.plug_port("/dev/ttyACM5", 0x2341, 0x005A)

    monkeypatch.setattr(serial_port.serial, "Serial", Touch)
    desk.plug_port("/dev/ttyACM0", 0x2341, 0x805A)
    desk.tool("bossac")
    flash("--kernel", elf([(0x10000, 0x10000, KERNEL)]))
    assert touched == [("/dev/ttyACM0", 1200)]
    assert desk.calls()[0][1] == "--port=ttyACM5"


class NordicBootloader(threading.Thread):
    """Nordic's bootloader at a pseudo-terminal, after the protocol's description."""

    def __init__(self, largest: int = 4096, mtu: int = 131) -> None:
        super().__init__(daemon=True)
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self.largest, self.mtu = largest, mtu
        self.refuse: tuple[int, bytes] | None = None
        self.spoil = False
        self.packet = self.firmware = b""
        self.executed: list[tuple[int, int]] = []
        self._kind, self._size, self._object = 0, 0, b""

    def run(self) -> None:
        frame = b""
        while True:
            try:
                received = os.read(self.master, 4096)
            except OSError:
                return
            *frames, frame = (frame + received).split(b"\xc0")
            for done in frames:
                self._answer(nordic_dfu.slip_decode(done))

    def _answer(self, request: bytes) -> None:
        operation, rest = request[0], request[1:]
        if self.refuse and self.refuse[0] == operation:
            self._send(bytes([0x60, operation]) + self.refuse[1])
        elif operation == 9:
            self._send(bytes([0x60, 9, 1]) + rest)
        elif operation == 7:
            self._send(bytes([0x60, 7, 1]) + struct.pack("<H", self.mtu))
        elif operation == 6:
            self._send(bytes([0x60, 6, 1]) + struct.pack("<III", 512 if rest[0] == 1 else self.largest, 0, 0))
        elif operation == 1:
            self._kind, self._size = struct.unpack("<BI", rest)
            self._object = b""
            self._send(bytes([0x60, 1, 1]))
        elif operation == 8:
            assert len(nordic_dfu.slip_encode(request)) <= self.mtu
            self._object += rest
        elif operation == 3:
            so_far = (b"" if self._kind == 1 else self.firmware) + self._object
            crc = binascii.crc32(so_far) ^ self.spoil
            self._send(bytes([0x60, 3, 1]) + struct.pack("<II", len(so_far), crc))
        elif operation == 4:
            assert len(self._object) == self._size
            self.executed.append((self._kind, self._size))
            if self._kind == 1:
                self.packet = self._object
            else:
                self.firmware += self._object
            self._send(bytes([0x60, 4, 1]))
        elif operation == 2:
            self._send(bytes([0x60, 2, 1]))

    def _send(self, response: bytes) -> None:
        os.write(self.master, nordic_dfu.slip_encode(response))


def test_the_dongle_gets_the_kernel(desk: Desk, elf: ElfMaker) -> None:
    dongle = NordicBootloader()
    dongle.start()
    desk.plug_port(dongle.port, 0x1915, 0x521F, "Open DFU Bootloader")
    firmware = bytes(range(256)) * 40 + b"end"
    out = flash("--kernel", elf([(0x1000, 0x1000, firmware)]))
    padded = firmware + b"\xff"
    assert dongle.packet == nordic_init_packet(padded)
    assert dongle.firmware == padded
    assert dongle.executed == [(1, len(dongle.packet)), (2, 4096), (2, 4096), (2, len(padded) - 8192)]
    assert "verified by the bootloader's checksums" in out


def test_a_port_can_be_named_that_nobody_knows(desk: Desk, kernel_behind_mbr: Path) -> None:
    dongle = NordicBootloader()
    dongle.start()
    flash("--kernel", kernel_behind_mbr, "--method", "dfu", "--port", dongle.port)
    assert dongle.firmware == KERNEL


@pytest.mark.parametrize(
    ("refuse", "words"),
    [
        ((4, b"\x05"), r"^The bootloader refused: the image does not fit it, or is not for it\.$"),
        ((4, b"\x0b\x05"), r"^The bootloader refused: it does not take the package, error 5\.$"),
        ((1, b"\x04"), r"^The bootloader refused: its memory is full\.$"),
    ],
)
def test_what_the_dongle_refuses_is_said(
    desk: Desk, kernel_behind_mbr: Path, refuse: tuple[int, bytes], words: str
) -> None:
    dongle = NordicBootloader()
    dongle.refuse = refuse
    dongle.start()
    desk.plug_port(dongle.port, 0x1915, 0x521F)
    with pytest.raises(AdderError, match=words):
        flash("--kernel", kernel_behind_mbr)


def test_bytes_that_got_lost_are_noticed(desk: Desk, kernel_behind_mbr: Path) -> None:
    dongle = NordicBootloader()
    dongle.spoil = True
    dongle.start()
    desk.plug_port(dongle.port, 0x1915, 0x521F)
    with pytest.raises(AdderError, match="received other bytes than were sent"):
        flash("--kernel", kernel_behind_mbr)


def test_a_port_where_nobody_answers(desk: Desk, kernel_behind_mbr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nordic_dfu.Link.__init__, "__defaults__", (0.3,))
    dongle = NordicBootloader()  # never started
    desk.plug_port(dongle.port, 0x1915, 0x521F)
    with pytest.raises(AdderError, match=r"^The bootloader does not answer; unplug the board"):
        flash("--kernel", kernel_behind_mbr)


def test_a_port_that_cannot_be_opened(desk: Desk, kernel_behind_mbr: Path) -> None:
    desk.plug_port("/dev/nonexistent", 0x1915, 0x521F)
    with pytest.raises(AdderError, match=r"^/dev/nonexistent cannot be used: "):
        flash("--kernel", kernel_behind_mbr)


@given(st.binary())
def test_slip_frames_hold_any_bytes(data: bytes) -> None:
    frame = nordic_dfu.slip_encode(data)
    assert frame.endswith(b"\xc0")
    assert b"\xc0" not in frame[:-1]
    assert nordic_dfu.slip_decode(frame[:-1]) == data


# -- The console -----------------------------------------------------------------


@pytest.fixture
def rtt_kernel(desk: Desk) -> None:
    (desk.build / ".config").write_text("CONFIG_NRF52_CONSOLE_RTT=y\n")


@pytest.fixture
def show(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Runs `adder console`, as if the board were built in the desk's folder; returns what is said and its exit code."""
    read = console.read_manifest
    monkeypatch.setattr(console, "read_manifest", lambda name: read(name, desk.build))

    def run(*arguments: str) -> tuple[str, int]:
        result = CliRunner().invoke(cli, ["console", *arguments])
        return str(result.exception or ""), result.exit_code

    return run


@pytest.mark.usefixtures("rtt_kernel")
def test_the_console_through_a_probe_is_pyocds_told_where_the_block_lies(desk: Desk, show) -> None:
    desk.tool("pyocd", ("json --probes", PYOCD_LIST))
    assert show("--rtt") == ("", 0)
    *_, (name, verb, *options) = desk.calls()
    assert (name, verb) == ("pyocd", "rtt")
    said = dict(pairwise(options))
    assert (said["--uid"], said["--connect"]) == ("0240000034544e45", "attach")
    assert (int(said["--address"], 16), int(said["--size"])) == (0x2003FF00, 0x100)


@pytest.mark.parametrize(
    ("tool", "options", "sentence"),
    [
        (None, ["--rtt"], "pyocd is not installed"),
        ({"boards": []}, ["--rtt"], "finds no debug probe"),
        ({"boards": []}, ["--probe", "02"], "A probe is for --rtt"),
        ({"boards": []}, ["--rtt", "--port", "x"], "named with --probe"),
        ({"boards": []}, [], "No serial port is there"),
    ],
)
@pytest.mark.usefixtures("rtt_kernel")
def test_a_console_that_cannot_be_shown_is_one_sentence(desk: Desk, show, tool, options, sentence) -> None:
    if tool is not None:
        desk.tool("pyocd", ("json --probes", json.dumps(tool)))
    said, code = show(*options)
    assert sentence in said
    assert code == 1


def test_a_kernel_whose_console_is_the_uart_is_not_looked_for_in_the_probe(show) -> None:
    said, code = show("--rtt")
    assert "choose NRF52_CONSOLE_RTT" in said
    assert code == 1


def test_several_serial_ports_are_listed_and_one_is_chosen(desk: Desk, show, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.plug_port("/dev/ttyACM0", 0x1366, 0x1015)
    desk.plug_port("/dev/ttyACM1", 0x239A, 0x8029)
    said, code = show()
    assert "/dev/ttyACM0" in said
    assert "--port" in said
    assert code == 1
    called = []
    monkeypatch.setattr(console, "subprocess", SimpleNamespace(call=lambda command: called.append(command) or 0))
    assert show("--port", "/dev/ttyACM1") == ("", 0)
    assert called[0][1:] == ["-m", "adder.flash.terminal", "/dev/ttyACM1", "115200"]


def test_a_port_that_is_not_there_is_named() -> None:
    with pytest.raises(AdderError, match="There is no /dev/ttyNONE: is the board plugged in"):
        choose_way(Image(()), port="/dev/ttyNONE")
