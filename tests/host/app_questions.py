"""Each question that a module of the Python library asks of a driver, with an answer that says which one it answers.

`QUESTIONS` is complete: tests/host/test_app_modules.py compares it with the library's source.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

Buffers = Mapping[int, Any]
"""What is lent to the driver, by the number of the allow."""

Answer = tuple[int, int, int]
NO_VALUE = 0x80000000
FAIL = 1


@dataclass(frozen=True)
class Question:
    """`answer(buffers, n)`: what the driver does to give answer number `n`, and its upcall; `number(result)`: the `n`
    that the app has got, or None if it gets nothing. `bad`: answers that must raise."""

    name: str
    driver: int
    command: int
    ask: Callable[[Any], Any]
    get: Callable[[Any], Awaitable[Any]] | None
    answer: Callable[[Buffers, int], Answer]
    number: Callable[[Any], int | None]
    bad: tuple[Answer, ...]
    upcall: int = 0

    @property
    def module(self) -> str:
        return self.name.split(".")[0]


def into(slot: int, size: int, answer: Callable[[int], Answer]) -> Callable[[Buffers, int], Answer]:
    """The number goes into a buffer, as its first bytes and its last."""

    def put(buffers: Buffers, n: int) -> Answer:
        buffers[slot][:size] = n.to_bytes(size, "little")
        return answer(n)

    return put


def says(*values: int | None) -> Callable[[Buffers, int], Answer]:
    """The number is one of the upcall's own, where None stands."""
    return lambda buffers, n: tuple(n if value is None else value for value in values)  # type: ignore[return-value]


def of_bytes(data: Any) -> int:
    return int.from_bytes(bytes(data), "little")


def nothing(result: Any) -> None:
    assert result is None


def one_sensor(name: str, driver: int, place: int = 0, command: int = 1, scale: int = 1) -> Question:
    first = place == 0
    return Question(
        f"sensors.{name}",
        driver,
        command,
        lambda module: getattr(module, name).read(),
        lambda module: getattr(module, name).get(),
        says(None, 0, 0) if first else says(0, None, 0),
        lambda value: round(value * scale),
        ((NO_VALUE, FAIL, 0),) if first else ((FAIL, NO_VALUE, 0),),
    )


def axes(name: str, command: int) -> Question:
    return Question(
        f"ninedof.{name}",
        0x60004,
        command,
        lambda module: getattr(module, name).read(),
        lambda module: getattr(module, name).get(),
        lambda buffers, n: (n, n + 1, 0xFFFFFFFF),
        lambda xyz: xyz[0] if xyz[1:] == (xyz[0] + 1, -1) else -1,
        ((NO_VALUE, NO_VALUE, NO_VALUE),),
    )


QUESTIONS = (
    one_sensor("temperature", 0x60000, scale=100),
    one_sensor("humidity", 0x60001, scale=100),
    one_sensor("ambient_light", 0x60002),
    one_sensor("proximity", 0x60005),
    one_sensor("pressure", 0x60008),
    one_sensor("sound_pressure", 0x60006),
    one_sensor("co2", 0x60007, command=2),
    one_sensor("tvoc", 0x60007, command=3),
    one_sensor("distance", 0x60009, place=1),
    one_sensor("moisture", 0x6000A, place=1, scale=100),
    one_sensor("rainfall", 0x6000B, place=1),
    axes("acceleration", 1),
    axes("magnetic_field", 100),
    axes("rotation", 200),
    Question(
        "rng", 0x40001, 1, lambda rng: rng.read(4), lambda rng: rng.get(4),
        into(0, 4, lambda n: (0, 4, 0)), of_bytes, ((FAIL, 0, 0), (0, 0, 0), (0, 5, 0)),
    ),
    Question(
        "storage.read", 0x50001, 2, lambda storage: storage.read(0, 4), None,
        into(0, 4, lambda n: (4, 0, 0)), of_bytes, ((0, 0, 0),),
    ),
    Question(
        "storage.write", 0x50001, 3, lambda storage: nothing(storage.write(0, b"four") - 4 or None), None,
        says(4, 0, 0), nothing, ((0, 0, 0),), 1,
    ),
    Question(
        "i2c.read", 0x20003, 2, lambda i2c: i2c.read(0x50, 4), lambda i2c: i2c.get(0x50, 4),
        into(1, 4, lambda n: (0, 0, 0)), of_bytes, ((13, 0, 0),),
    ),
    Question(
        "i2c.write", 0x20003, 1, lambda i2c: i2c.write(0x50, b"x"), lambda i2c: i2c.send(0x50, b"x"),
        says(0, 0, 0), nothing, ((13, 0, 0),),
    ),
    Question(
        "i2c.write_read", 0x20003, 3,
        lambda i2c: i2c.write_read(0x50, b"x", 4), lambda i2c: i2c.send_get(0x50, b"x", 4),
        into(1, 4, lambda n: (0, 0, 0)), of_bytes, ((13, 0, 0),),
    ),
    Question(
        "spi.exchange", 0x20001, 2, lambda spi: spi.exchange(b"four"), lambda spi: spi.swap(b"four"),
        into(0, 4, lambda n: (4, 0, 0)), of_bytes, ((3, 0, 0), (0, 0, 0)),
    ),
    Question(
        "spi.write", 0x20001, 2, lambda spi: spi.write(b"four"), lambda spi: spi.send(b"four"),
        says(4, 0, 0), nothing, ((3, 0, 0), (0, 0, 0)),
    ),
    Question(
        "spi.read", 0x20001, 11, lambda spi: spi.read(4), lambda spi: spi.get(4),
        into(0, 4, lambda n: (4, 0, 0)), of_bytes, ((3, 0, 0), (0, 0, 0)),
    ),
    Question(
        "date_time.read", 0x90007, 1, lambda clock: clock.read(), lambda clock: clock.get(),
        lambda buffers, n: (0, n << 9 | 1 << 5 | 1, 0), lambda moment: moment[0],
        ((FAIL, 0, 0), (0, 0, 0), (0, 2026 << 9 | 13 << 5 | 1, 0)),
    ),
    Question(
        "date_time.set", 0x90007, 2, lambda clock: clock.set(2026, 1, 1), lambda clock: clock.put(2026, 1, 1),
        says(0, 0, 0), nothing, ((6, 0, 0),),
    ),
    Question(
        "adc.read", 0x5, 1, lambda adc: adc.read(2), lambda adc: adc.get(2),
        says(0, 2, None), int, ((0, 2, NO_VALUE),), 1,
    ),
    Question(
        "adc.fill", 0x5, 3, lambda adc: adc.fill(2, 100, 2), lambda adc: adc.get_filled(2, 100, 2),
        into(0, 4, lambda n: (2, 2 | 2 << 8, 0)), of_bytes, ((2, 2 | 1 << 8, 0), (2, 2, 0)), 1,
    ),
    Question(
        "buzzer.tone", 0x90000, 1, lambda buzzer: buzzer.tone(440, 1), lambda buzzer: buzzer.play(440, 1),
        says(0, 0, 0), nothing, ((6, 0, 0),),
    ),
    Question(
        "crc", 0x40002, 1, lambda crc: crc.compute(b"x"), lambda crc: crc.get(b"x"),
        says(0, None, 0), int, ((FAIL, 0, 0),),
    ),
    Question(
        "sha", 0x40005, 2, lambda sha: sha.compute(b"x"), lambda sha: sha.get(b"x"),
        into(0, 32, lambda n: (0, 0, 0)), of_bytes, ((9, 0, 0),),
    ),
    Question(
        "hmac", 0x40003, 1, lambda hmac: hmac.compute(b"k", b"x"), lambda hmac: hmac.get(b"k", b"x"),
        into(2, 32, lambda n: (0, 0, 0)), of_bytes, ((FAIL, 0, 0),),
    ),
)  # fmt: skip
