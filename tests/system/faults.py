"""What can be broken on a board, in the model of the chip: each with the line of the bring-up that must then be red."""

import struct
from collections.abc import Callable
from typing import Any

from unicorn import UC_HOOK_MEM_READ

from adder.chip.nrf52840 import Chip

TRIED = 0x2001A000
"""A word of the RAM that a program of the bring-up fills."""


def nothing(*_: object) -> None:
    """In a task's place: it has no effect."""


def rtc0_dead(chip: Chip) -> None:
    chip.rtc0.tasks[0] = nothing


def rtc1_dead(chip: Chip) -> None:
    chip.rtc1.tasks[0] = nothing


def rtc2_dead(chip: Chip) -> None:
    chip.rtc2.tasks[0] = nothing


def no_low_crystal(chip: Chip) -> None:
    chip.clock.low_crystal_works = False


def no_high_crystal(chip: Chip) -> None:
    chip.clock.high_crystal_works = False


def low_clock_slow(chip: Chip) -> None:
    chip.clock.low_hz = 32_000


def high_clock_fast(chip: Chip) -> None:
    chip.timer0.speed = 1.05


def processor_slow(chip: Chip) -> None:
    chip.cpu.cycle = 31_250  # half of the clock


def ram_cell_stuck(chip: Chip) -> None:
    def forget(uc: Any, access: int, address: int, size: int, value: int, data: object) -> None:
        word = struct.unpack("<I", uc.mem_read(TRIED, 4))[0]
        uc.mem_write(TRIED, struct.pack("<I", word & ~0x10))

    chip.cpu.uc.hook_add(UC_HOOK_MEM_READ, forget, None, TRIED, TRIED + 3)


def flash_bit_stays_0(chip: Chip) -> None:
    chip.nvmc.stuck = b"\0\4" + bytes(4094)


def flash_bit_stays_1(chip: Chip) -> None:
    chip.nvmc.stuck_high = 0x100


def mpu_off(chip: Chip) -> None:
    assert chip.cpu.mpu is not None
    chip.cpu.mpu.off = True


def mpu_without_sub_regions(chip: Chip) -> None:
    assert chip.cpu.mpu is not None
    chip.cpu.mpu.whole_regions = True


def cache_dead(chip: Chip) -> None:
    chip.nvmc.cache_switched = nothing


def floats_lost(chip: Chip) -> None:
    chip.cpu.forgets_floats = True


def pin_stuck(chip: Chip) -> None:
    level = chip.ports[1].level
    chip.ports[1].level = lambda pin: 1 if pin == 3 else level(pin)  # type: ignore[method-assign]


def edges_unseen(chip: Chip) -> None:
    chip.gpiote.event = nothing  # type: ignore[assignment]


def random_constant(chip: Chip) -> None:
    chip.rng._random = type("", (), {"getrandbits": lambda *_: 7, "randint": lambda self, low, high: low})()


def thermometer_frozen(chip: Chip) -> None:
    chip.temp.tasks[0] = nothing


def thermometer_wrong(chip: Chip) -> None:
    chip.temp.celsius = 180.0


def converter_dead(chip: Chip) -> None:
    chip.saadc.millivolts = {}


def aes_wrong(chip: Chip) -> None:
    chip.ecb.wrong = 0x20


def jumper(chip: Chip) -> None:
    """No fault: P1.01 and P1.02 are connected."""
    port = chip.ports[1]
    level = port.level

    def seen(pin: int) -> int:
        other = {1: 2, 2: 1}.get(pin)
        if other is not None and not port.configurations[pin] & 1 and port.configurations[other] & 1:
            return port.out >> other & 1
        return level(pin)

    port.level = seen  # type: ignore[method-assign]
    chip.uart1.jumper = chip.uart1.arrive


def loop_cut(chip: Chip) -> None:
    jumper(chip)
    chip.uart1.jumper = None


def receiver_cut(chip: Chip) -> None:
    chip.uart.arrive = nothing  # type: ignore[assignment, method-assign]


def watchdog_toothless(chip: Chip) -> None:
    chip.watchdog.look = nothing  # type: ignore[method-assign]


def reset_forgets_why(chip: Chip) -> None:
    def bite() -> None:
        chip._reset(2)
        chip.clock.reasons = 0

    chip.watchdog._bite = bite


def reset_loses_flash(chip: Chip) -> None:
    def bite() -> None:
        chip.cpu.uc.mem_write(0xFF010, b"\0\0")
        chip._reset(2)

    chip.watchdog._bite = bite


def interrupts_late(chip: Chip) -> None:
    event = chip.timer0.event
    chip.timer0.event = lambda number: chip.time.after(10**9, lambda: event(number))  # type: ignore[assignment]


def never_asleep(chip: Chip) -> None:
    chip.cpu._is_wfi = lambda address: False  # type: ignore[method-assign]


def button_stuck(chip: Chip) -> None:
    chip.set_pin(12, 0)


FAULTS: dict[Callable[[Chip], None], str] = {
    rtc0_dead: "rtc0 stands still FAIL",
    rtc1_dead: "rtc1 stands still FAIL",
    rtc2_dead: r"wfi nothing came within \d+ ms FAIL",
    no_low_crystal: "low-crystal does not run.* FAIL",
    no_high_crystal: r"high-crystal nothing came within \d+ ms FAIL",
    low_clock_slow: r"clock-timer .* FAIL",
    high_clock_fast: r"clock-timer .* FAIL",
    processor_slow: r"clock-cpu .* FAIL",
    ram_cell_stuck: "ram-wrong 1 words, the first at 2001a000 FAIL",
    flash_bit_stays_0: "flash-erased 1 .* FAIL",
    flash_bit_stays_1: "flash-cleared 16 .* FAIL",
    mpu_off: "mpu-kernel-flash .*was not stopped.* FAIL",
    mpu_without_sub_regions: "mpu-kernel-ram-end .*was not stopped.* FAIL",
    cache_dead: r"cache 1?\d\d % .* FAIL",
    floats_lost: "fpu-lost .* FAIL",
    pin_stuck: "pin-P1.03 .* 1 1 1 1 FAIL",
    edges_unseen: "edges 0 .* FAIL",
    random_constant: "random 1 .* FAIL",
    thermometer_frozen: r"temperature nothing came within \d+ ms FAIL",
    thermometer_wrong: "temperature 18000 .* FAIL",
    converter_dead: "supply 0 mV .* FAIL",
    aes_wrong: "aes 16 .* FAIL",
    loop_cut: "uart-loop 16 .* FAIL",
    receiver_cut: "receive skipped: nobody has answered",
    watchdog_toothless: "watchdog has not bitten FAIL",
    reset_forgets_why: "watchdog was waited for, and RESETREAS is 00000000 FAIL",
    reset_loses_flash: "storage CHANGED by the reset FAIL",
    interrupts_late: "interrupt-timer .* FAIL",
    never_asleep: "sleep .* FAIL",
    button_stuck: "button-1 pressed all the time FAIL",
}
"""Each fault, and the line of the report in which it shows."""
