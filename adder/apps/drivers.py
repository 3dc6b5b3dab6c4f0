"""The drivers by name: the one list for permissions, messages, docs and C (apps/runtime/adder.h).

The numbers are Tock's (capsules/core/src/driver.rs). A permission is `led`, `led:0,2-3` or `0x2:0`.
"""

import difflib
from collections.abc import Collection, Sequence

from adder.apps.tbf import Permissions
from adder.errors import AdderError

DRIVERS = {
    "alarm": 0x0,
    "console": 0x1,
    "led": 0x2,
    "button": 0x3,
    "gpio": 0x4,
    "adc": 0x5,
    "analog_comparator": 0x7,
    "low_level_debug": 0x8,
    "read_only_state": 0x9,
    "pwm": 0x10,
    "ipc": 0x10000,
    "app_loader": 0x10001,
    "process_info": 0x10002,
    "apps": 0x10100,
    "uart": 0x20000,
    "spi": 0x20001,
    "i2c": 0x20003,
    "eui64": 0x30006,
    "rng": 0x40001,
    "crc": 0x40002,
    "hmac": 0x40003,
    "sha": 0x40005,
    "aes": 0x40006,
    "app_flash": 0x50000,
    "nonvolatile_storage": 0x50001,
    "key_value": 0x50003,
    "isolated_nonvolatile_storage": 0x50004,
    "temperature": 0x60000,
    "humidity": 0x60001,
    "ambient_light": 0x60002,
    "ninedof": 0x60004,
    "proximity": 0x60005,
    "sound_pressure": 0x60006,
    "air_quality": 0x60007,
    "pressure": 0x60008,
    "distance": 0x60009,
    "moisture": 0x6000A,
    "rainfall": 0x6000B,
    "gpio_async": 0x80003,
    "buzzer": 0x90000,
    "screen": 0x90001,
    "date_time": 0x90007,
    "servo": 0x90009,
}
"""Drivers by the names of their capsules."""

ALSO = {"storage": "nonvolatile_storage", "random": "rng"}
"""What the Python library calls some of them."""

MOST = 0xFFFFFFFF
LIKE = 0.6
"""How alike two words are, of 1, for the one to be taken for the other's misspelling."""
LARGEST_COMMAND = 0xFFFF
MOST_COMMANDS = 4096
BLOCKS = {"adc": (0, 1), "process_info": (0, 1), "nonvolatile_storage": (0, 1), "ninedof": (0, 1, 3)}
"""The drivers with commands beyond 63: in which blocks of 64, each of them an entry of the header, they have any."""

APART = {"console": frozenset({64}), "app_loader": frozenset({64})}
"""Rights of their own: commands that a permission has to name. To be in the console's foreground, to replace apps."""


def every_command(driver: int) -> set[int]:
    """What a permission without a list of commands allows."""
    blocks = next((blocks for name, blocks in BLOCKS.items() if DRIVERS[name] == driver), (0,))
    return {64 * block + bit for block in blocks for bit in range(64)}


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known word that `word` may well have been meant to be, or None: a wrong guess is worse than none."""
    close = difflib.get_close_matches(word.lower(), known, 1, cutoff=LIKE)
    return close[0] if close else None


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`; did you mean '…'?` where a word is like this one, else the sentence's end."""
    guess = nearest(word, known)
    return f"; did you mean '{guess}'?" if guess else "."


def names() -> str:
    """All names, for people."""
    return ", ".join([*DRIVERS, *(f"{name} (= {driver})" for name, driver in ALSO.items())])


def driver_number(name: str, where: str) -> int:
    """The number of the driver called `name`."""
    known = ALSO.get(name, name)
    if known not in DRIVERS:
        guess = did_you_mean(name, [*DRIVERS, *ALSO])
        raise AdderError(f"{where}: there is no driver '{name}'{guess} There are {names()}.")
    return DRIVERS[known]


def parse_driver(text: str, where: str) -> int:
    """A driver's name or number."""
    if not text[:1].isdigit():
        return driver_number(text, where)
    try:
        number = int(text, 0)
    except ValueError:
        raise AdderError(f"{where}: '{text}' is neither a driver's name nor a number.") from None
    if number > MOST:
        raise AdderError(f"{where}: the driver number {text} does not fit in 32 bits.")
    return number


def parse_permissions(texts: Sequence[str], where: str = "--permission") -> Permissions | None:
    """Permissions from texts such as `led`, `0x2:0,1-3`; None, which allows everything, from no text."""
    if not texts:
        return None
    allowed: dict[int, set[int]] = {}
    for text in texts:
        driver, colon, commands_text = text.partition(":")
        number = parse_driver(driver, where)
        commands = allowed.setdefault(number, set())
        if not colon:
            commands.update(every_command(number))
        try:
            for part in filter(None, commands_text.split(",")):
                first, _, last = part.partition("-")
                low, high = int(first, 0), int(last or first, 0)
                if not 0 <= low <= high <= LARGEST_COMMAND or high - low >= MOST_COMMANDS:
                    raise ValueError
                commands.update(range(low, high + 1))
        except ValueError:
            raise AdderError(
                f"{where}: '{text}' is not a permission; write DRIVER or DRIVER:COMMANDS, as in led or 0x2:0,1-3."
            ) from None
    return Permissions.of(allowed)
