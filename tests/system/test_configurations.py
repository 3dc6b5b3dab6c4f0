"""Each choice in Kconfig builds, boots and does what it says."""

from pathlib import Path

import pytest
from kernels import build_variant

from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import ExpectTimeout, Simulation

APPS = ("spin", "hello", "faulty")


def boot(kernel: Path, tmp_path: Path) -> Simulation:
    """The kernel with a spinning, a printing and a faulting app."""
    image = tmp_path / "flash.img"
    FlashImage(image).install([read_app_file(ROOT / "build" / "apps" / f"{app}.tbf") for app in APPS], only=True)
    return Simulation(kernel, image, clock="fast")


def test_the_priority_scheduler_runs_the_first_ready_app_at_once(tmp_path: Path) -> None:
    with boot(build_variant("qemu", "SCHEDULER_PRIORITY=y"), tmp_path) as board:
        board.expect(r"hello: hello, 5 of 5", timeout=60)


def test_the_cooperative_scheduler_never_takes_the_cpu_from_a_spinning_app(tmp_path: Path) -> None:
    with boot(build_variant("qemu", "SCHEDULER_COOPERATIVE=y"), tmp_path) as board:
        board.expect(r"spin: spinning", timeout=60)
        with pytest.raises(ExpectTimeout):
            board.expect(r"hello: hello, 2 of 5", timeout=4)


def test_the_panic_policy_ends_the_kernel_with_its_reason(tmp_path: Path) -> None:
    with boot(build_variant("qemu", "FAULT_POLICY_PANIC=y"), tmp_path) as board:
        board.expect(r"panicked: process faulty had a fault", timeout=60)


STOP_AND_PANIC = ("FAULT_POLICY_STOP=y", "SHELL_PROCESS_CONSOLE=y", "PROCESS_PANIC=y")
"""One kernel for two tests: the shell begins with Tock's process console, which may panic."""


def test_the_stop_policy_leaves_the_app_stopped_and_the_others_running(tmp_path: Path) -> None:
    with boot(build_variant("qemu", *STOP_AND_PANIC), tmp_path) as board:
        board.expect(r"app faulty: stopped", timeout=60)
        board.expect(r"hello: hello, 5 of 5", timeout=60)
        assert board.transcript.count("App: faulty") == 1


def test_the_shell_begins_with_the_process_console_and_tools_work_from_there(tmp_path: Path) -> None:
    image = tmp_path / "flash.img"
    FlashImage(image).install([read_app_file(ROOT / "build" / "apps" / "shell.tbf")], only=True)
    with Simulation(build_variant("qemu", *STOP_AND_PANIC), image, clock="fast") as board:
        board.expect(r"Welcome to the process console\.\r\n.*\r\ntock\$ ", timeout=60)
        board.send(b"\r\x03\r\x01")  # as mpremote begins
        board.expect(r"raw REPL; CTRL-B to exit\r\n>", timeout=20)
        board.send(b"\x04")
        board.expect(r"soft reboot\r\nraw REPL; CTRL-B to exit\r\n>", timeout=20)
        board.send(b"print(6 * 7)\x04")
        board.expect(r"OK42\r\n\x04\x04>", timeout=20)
        board.send(b"\r\x02")  # as it ends
        board.expect(r"tock\$ ", timeout=20)
        board.send(b"shell\r")
        board.expect(r">>> ", timeout=20)
        board.send(b"console()\r")
        board.expect(r"tock\$ ", timeout=20)
        board.send(b"panic\r")
        board.expect(r"panicked: Process Console forced a kernel panic\.", timeout=20)


def test_capsules_that_are_switched_off_are_not_in_the_image(tmp_path: Path) -> None:
    off = ("CAPSULE_LED=n", "CAPSULE_IPC=n", "CAPSULE_PROCESS_INFO=n", "CAPSULE_LOW_LEVEL_DEBUG=n")
    kernel = build_variant("qemu", *off, "MAX_PROCESSES=2")
    assert kernel.stat().st_size
    assert b"LedDriver" not in kernel.read_bytes()
    with boot(kernel, tmp_path) as board:
        board.expect(r"app spin: not started, all 2 process slots are in use", timeout=60)
        board.expect(r"hello: hello, 5 of 5", timeout=60)
