"""An answer belongs to its question: the library's requests, against a model of the drivers.

The model knows of each answer which question it belongs to, since it puts the number of the command into it. Tasks ask,
give up, and block; drivers refuse, fail, answer late, answer in part, die. Somebody types, pins change, time passes.
"""

import asyncio
import importlib
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from app_library import Kernel, SyscallError, library
from app_questions import QUESTIONS, Question
from fuzzing import record
from hypothesis import given, settings
from hypothesis import strategies as st

BUTTON, GPIO, TEMPERATURE, RNG, STORAGE, IPC = 0x3, 0x4, 0x60000, 0x40001, 0x50001, 0x10000
I2C, SPI, DATE_TIME = 0x20003, 0x20001, 0x90007
I2C_WRITE, I2C_READ, I2C_WRITE_READ = 1, 2, 3
SPI_TRANSFER, SPI_READ = 2, 11
FIRST_ABSENT = 0x60  # no device on the I2C bus has this address or a higher one
BUSY, NOACK = 2, 13
BY_HAND = (TEMPERATURE, RNG, STORAGE, I2C, SPI, DATE_TIME)
OTHERS = [question for question in QUESTIONS if question.driver not in BY_HAND]
"""Those that have no model of their own here."""
SERVICE = 3  # the number of the service's process
CLIENTS = 2
"""Tasks that talk to it; others ask everything else."""
PINS = 3
EITHER, RISING, FALLING = 0, 1, 2
RUNS = 150
LONG_RUNS = 10_000


def device(address: int, sent: bytes, count: int) -> bytes:
    """What a device with this address on a bus answers to these bytes."""
    return bytes((address * 7 + sum(sent) + i) & 0xFF for i in range(count))


class Drivers:
    """What the kernel's drivers do with requests, in the order and at the time that the test chooses."""

    def __init__(self, kernel: Kernel, rolls: random.Random) -> None:
        self.kernel = kernel
        self.rolls = rolls
        self.serial = 0
        self.pending: list[Callable[[], None]] = []  # answers that are under way
        self.busy: dict[int, int] = {}  # by driver: how many it works at
        self.most: dict[int, int] = {}
        self.expected: dict[bytes, int] = {}  # random bytes that were given out, and how often
        self.flash = bytearray(b"\xff" * 64)
        self.service = bytearray(32)
        self.life = self.lives = 1  # no number comes twice; 0: it is not there
        self.levels = [0] * PINS
        self.watched: dict[int, int] = {}  # by pin: of which edges it tells, and nobody is told of others
        self.serials: dict[int, str] = {}  # which question an answer was given to
        self.to_type = "".join(f"{number}\n" for number in range(500))  # a line is its number
        kernel.idle = self.idle
        kernel.answers = {
            (BUTTON, 1): self.tell_of_button,
            (GPIO, 7): self.watch,
            (TEMPERATURE, 1): self.measure,
            (RNG, 1): self.random_bytes,
            (STORAGE, 1): 64,
            (STORAGE, 2): self.read_storage,
            (STORAGE, 3): self.write_storage,
            (IPC, 1): SERVICE,
            (IPC, 6): self.alive,
            (IPC, 7): self.ask,
            (DATE_TIME, 1): self.date,
            (DATE_TIME, 2): self.set_date,
        }
        kernel.answers |= {(I2C, command): self.on_i2c(command) for command in (I2C_WRITE, I2C_READ, I2C_WRITE_READ)}
        kernel.answers |= {(SPI, command): self.on_spi(command) for command in (SPI_TRANSFER, SPI_READ)}
        kernel.answers |= {(question.driver, question.command): self.other(question) for question in OTHERS}

    def _begin(self, driver: int, answer: Callable[[], None]) -> None:
        if self.rolls.random() < 0.1:
            raise SyscallError(2, "BUSY")
        self.busy[driver] = self.busy.get(driver, 0) + 1
        self.most[driver] = max(self.most.get(driver, 0), self.busy[driver])

        def give() -> None:
            self.busy[driver] -= 1
            answer()

        self.pending.append(give)
        if self.rolls.random() < 0.2:
            self.advance()

    def tell_of_button(self, button: int) -> None:
        if self.rolls.random() < 0.1:
            raise SyscallError(2, "BUSY")

    def watch(self, pin: int, edge: int) -> None:
        if self.rolls.random() < 0.1:
            raise SyscallError(2, "BUSY")
        self.watched[pin] = edge

    def flip(self) -> None:
        pin = self.rolls.randrange(PINS)
        level = self.levels[pin] = 1 - self.levels[pin]
        if pin in self.watched and self.watched[pin] in (EITHER, RISING if level else FALLING):
            self.kernel.upcall(GPIO, 0, pin, level, 0)

    def type_on(self) -> None:
        count = self.rolls.randint(1, 5)
        self.kernel.typed += self.to_type[:count]
        self.to_type = self.to_type[count:]

    def advance(self) -> bool:
        """One driver finishes, whichever; and now and then there is a flood of events."""
        self.kernel.now += self.rolls.randrange(3)
        if self.rolls.random() < 0.3:
            for _ in range(self.rolls.choice((1, 1, 2, 12))):
                self.flip()
        if self.rolls.random() < 0.2:
            self.type_on()
        if self.rolls.random() < 0.2 and (BUTTON, 0) in self.kernel.handlers:
            for _ in range(self.rolls.randint(1, 12)):
                self.kernel.upcall(BUTTON, 0, self.rolls.randrange(4), self.rolls.randrange(2), 0)
        if not self.pending:
            return False
        self.pending.pop(self.rolls.randrange(len(self.pending)))()
        return True

    def idle(self, milliseconds: int) -> bool:
        if milliseconds >= 0 and self.rolls.random() < 0.05:
            self.kill()  # while somebody blocks for its answer
        # Who waits for an edge or a press has no question under way: then pins go on changing, and somebody presses.
        events = self.watched or (BUTTON, 0) in self.kernel.handlers
        assert self.advance() or milliseconds >= 0 or events, "the app waits for ever"
        return self.kernel.deliver()

    def measure(self) -> None:
        self.serial += 1
        value = self.serial
        self._begin(TEMPERATURE, lambda: self.kernel.upcall(TEMPERATURE, 0, value, 0, 0))

    def random_bytes(self, count: int) -> None:
        buffer = self.kernel.buffers[RNG, 0]
        failing = self.rolls.random() < 0.05
        length = count if self.rolls.random() < 0.6 else self.rolls.randint(0, count)

        def answer() -> None:
            if not failing:
                data = self.rolls.randbytes(length)
                buffer[:length] = data
                for byte in data:
                    assert byte is not None
                self.expected[data] = self.expected.get(data, 0) + 1
            self.kernel.upcall(RNG, 0, 1 if failing else 0, 0 if failing else length, 0)

        self._begin(RNG, answer)

    def on_i2c(self, command: int) -> Callable[[int, int], None]:
        def transfer(address: int, length: int) -> None:
            buffer = self.kernel.buffers[I2C, 1]
            out = {I2C_WRITE: length, I2C_READ: 0, I2C_WRITE_READ: address >> 8}[command]
            sent = bytes(buffer[:out])

            def answer() -> None:
                there = address & 0x7F < FIRST_ABSENT
                if there and command != I2C_WRITE:
                    buffer[:length] = device(address & 0x7F, sent, length)
                self.kernel.upcall(I2C, 0, 0 if there else NOACK, 0, 0)

            self._begin(I2C, answer)

        return transfer

    def on_spi(self, command: int) -> Callable[[int], None]:
        def transfer(length: int) -> None:
            into = self.kernel.buffers[SPI, 0]
            sent = bytes(self.kernel.constants[SPI, 0][:length]) if command == SPI_TRANSFER else b"\xff" * length
            done = length if self.rolls.random() < 0.9 else length // 2

            def answer() -> None:
                if into is not None:
                    into[:done] = device(SPI & 0x7F, sent, done)
                self.kernel.upcall(SPI, 0, done, 0, 0)

            self._begin(SPI, answer)

        return transfer

    def date(self) -> None:
        self.serial += 1
        date, time = self.serial + 1 << 9 | 1 << 5 | 1, 0
        self._begin(DATE_TIME, lambda: self.kernel.upcall(DATE_TIME, 0, 0, date, time))

    def set_date(self, date: int, time: int) -> None:
        self._begin(DATE_TIME, lambda: self.kernel.upcall(DATE_TIME, 0, 0, 0, 0))

    def other(self, question: Question) -> Callable[[], None]:
        def asked() -> None:
            self.serial += 1
            n = self.serial
            lent = {slot: buffer for (driver, slot), buffer in self.kernel.buffers.items() if driver == question.driver}
            bad = self.rolls.choice(question.bad) if self.rolls.random() < 0.1 else None
            if bad is None:
                self.serials[n] = question.name

            def answer() -> None:
                upcall = bad or question.answer(lent, n)
                self.kernel.upcall(question.driver, question.upcall, *upcall)

            self._begin(question.driver, answer)

        return asked

    def read_storage(self, offset: int, length: int) -> None:
        buffer = self.kernel.buffers[STORAGE, 0]
        moved = self.rolls.randint(1, length)

        def answer() -> None:
            buffer[:moved] = self.flash[offset : offset + moved]
            self.kernel.upcall(STORAGE, 0, moved, 0, 0)

        self._begin(STORAGE, answer)

    def write_storage(self, offset: int, length: int) -> None:
        data = bytes(self.kernel.buffers[STORAGE, 0][:length])
        moved = self.rolls.randint(1, length)

        def answer() -> None:
            self.flash[offset : offset + moved] = data[:moved]
            self.kernel.upcall(STORAGE, 1, moved, 0, 0)

        self._begin(STORAGE, answer)

    def ask(self, service: int) -> int:
        life = self.life
        if life == 0 or service != SERVICE:
            raise SyscallError(6, "INVAL")
        question = self.kernel.buffers[IPC, SERVICE][0]

        def answer() -> None:
            if self.life != life:
                return  # it died with the question
            buffer = self.kernel.buffers[IPC, SERVICE]  # what is lent by now
            buffer[0] = question
            buffer[1] = buffer[0] ^ 0xFF
            self.kernel.upcall(IPC, SERVICE, SERVICE, 32, 0)

        self._begin(IPC, answer)
        return life

    def alive(self, service: int) -> int:
        if self.life == 0:
            raise SyscallError(6, "INVAL")
        return self.life

    def kill(self) -> None:
        self.lives += 1
        self.life = self.rolls.choice((0, self.lives))


class App:
    """Tasks of one app that use everything."""

    def __init__(self, drivers: Drivers, rolls: random.Random) -> None:
        self.drivers = drivers
        self.rolls = rolls
        self.sensors = importlib.import_module("adder.sensors")
        self.rng = importlib.import_module("adder.rng")
        self.button = importlib.import_module("adder.button")
        self.storage = importlib.import_module("adder.storage")
        self.clients = [importlib.import_module("adder.ipc").Client("svc", 32) for _ in range(CLIENTS)]
        self.console = importlib.import_module("adder.console")
        self.gpio = importlib.import_module("adder.gpio")
        self.alarm = importlib.import_module("adder.alarm")
        self.i2c = importlib.import_module("adder.i2c")
        self.spi = importlib.import_module("adder.spi")
        self.date_time = importlib.import_module("adder.date_time")
        self.lines: list[int] = []
        self.answered = 0
        self.refused = 0
        self.readings: set[int] = set()

    def _measured(self, value: float, before: int) -> None:
        serial = round(value * 100)
        # Made after it was asked for, and nobody else's.
        assert before < serial <= self.drivers.serial
        assert serial not in self.readings
        self.readings.add(serial)

    async def measure(self) -> None:
        before = self.drivers.serial
        self._measured(await self.sensors.temperature.get(), before)

    async def measure_blocking(self) -> None:
        before = self.drivers.serial
        self._measured(self.sensors.temperature.read(), before)

    def _random(self, data: bytes, count: int) -> None:
        assert len(data) == count
        # It must be put together from what the source gave, each piece once.
        pieces = self.drivers.expected
        at = 0
        while at < count:
            length = next(n for n in range(count - at, 0, -1) if pieces.get(data[at : at + n]))
            pieces[data[at : at + length]] -= 1
            at += length

    async def random(self) -> None:
        count = self.rolls.randint(1, 24)
        self._random(await self.rng.get(count), count)

    async def random_blocking(self) -> None:
        count = self.rolls.randint(1, 24)
        self._random(self.rng.read(count), count)

    async def store(self) -> None:
        data = self.rolls.randbytes(self.rolls.randint(1, 16))
        offset = self.rolls.randint(0, 64 - len(data))
        assert self.storage.write(offset, data) == len(data)
        assert self.storage.read(offset, len(data)) == data

    async def on_i2c(self) -> None:
        address, count = self.rolls.randrange(0x10, FIRST_ABSENT + 4), self.rolls.randint(1, 20)
        data = self.rolls.randbytes(self.rolls.randint(1, 20))
        awaited, what, i2c = self.rolls.random() < 0.5, self.rolls.randrange(3), self.i2c
        refused = False
        try:
            if what == 0:
                await i2c.send(address, data) if awaited else i2c.write(address, data)
            elif what == 1:
                got = await i2c.get(address, count) if awaited else i2c.read(address, count)
                assert got == device(address, b"", count)
            else:
                got = await i2c.send_get(address, data, count) if awaited else i2c.write_read(address, data, count)
                assert got == device(address, data, count)
        except SyscallError as error:
            if error.errno != NOACK:
                raise
            refused = True
        assert refused == (address >= FIRST_ABSENT), "another's refusal, or another's answer"

    async def on_spi(self) -> None:
        data, count = self.rolls.randbytes(self.rolls.randint(1, 20)), self.rolls.randint(1, 20)
        awaited, what, spi = self.rolls.random() < 0.5, self.rolls.randrange(3), self.spi
        if what == 0:
            await spi.send(data) if awaited else spi.write(data)
        elif what == 1:
            got = await spi.get(count) if awaited else spi.read(count)
            assert got == device(SPI & 0x7F, b"\xff" * count, count)
        else:
            got = await spi.swap(data) if awaited else spi.exchange(data)
            assert got == device(SPI & 0x7F, data, len(data))

    async def date(self) -> None:
        date_time, awaited = self.date_time, self.rolls.random() < 0.5
        if self.rolls.random() < 0.3:
            moment = (2026, self.rolls.randint(1, 12), 3)
            await date_time.put(*moment) if awaited else date_time.set(*moment)
            return
        before = self.drivers.serial
        moment = await date_time.get() if awaited else date_time.read()
        assert moment[1:3] == (1, 1), "the answer to another command"
        self._measured((moment[0] - 1) / 100, before)

    async def other(self) -> None:
        question, before = self.rolls.choice(OTHERS), self.drivers.serial
        module = importlib.import_module(f"adder.{question.module}")
        awaited = question.get is not None and self.rolls.random() < 0.5
        number = question.number(await question.get(module) if awaited else question.ask(module))
        if number is not None:
            assert self.drivers.serials[number] == question.name, "the answer to another question"
            self._measured(number / 100, before)

    async def press(self) -> None:
        down = self.rolls.random() < 0.5
        await (self.button.pressed if down else self.button.released)(self.rolls.randrange(4))

    async def press_blocking(self) -> None:
        down = self.rolls.random() < 0.5
        (self.button.wait_pressed if down else self.button.wait_released)(self.rolls.randrange(4))

    def _edged(self, edge: int, level: int) -> None:
        assert edge == EITHER or level == (edge == RISING), "another task's edge"

    async def edge(self) -> None:
        edge = self.rolls.choice((EITHER, RISING, FALLING))
        self._edged(edge, await self.gpio.Pin(self.rolls.randrange(PINS)).edge(edge))

    async def edge_blocking(self) -> None:
        edge = self.rolls.choice((EITHER, RISING, FALLING))
        self._edged(edge, self.gpio.Pin(self.rolls.randrange(PINS)).wait_edge(edge))

    async def line(self) -> None:
        self.lines.append(int(await self.console.read_line()))

    async def nap(self) -> None:
        kernel, length = self.drivers.kernel, self.rolls.randrange(40)
        before = kernel.now
        await (self.alarm.sleep_ms(length) if self.rolls.random() < 0.5 else self.alarm.sleep(length / 1000))
        assert kernel.now - before >= length, "less than it was to sleep"

    async def call(self, number: int) -> None:
        client = self.clients[number]
        question = client.buffer[0] = self.rolls.randrange(256)
        client.buffer[1] = 0
        way = self.rolls.random()
        if way < 0.3:
            await client.ask()
        else:
            client.notify()
            client.wait() if way < 0.6 else await client.answer()
        assert client.buffer[:2] == bytes((question, question ^ 0xFF)), "another client's answer, or none"

    async def task(self, number: int) -> None:
        for _ in range(self.rolls.randint(1, 4)):
            what = [
                self.press, self.press_blocking, self.measure, self.measure_blocking, self.random, self.random_blocking,
                self.store, self.edge, self.edge_blocking, self.line, self.nap, self.on_i2c, self.on_spi, self.date,
                self.other, self.other,
            ]  # fmt: skip
            one: Callable[[], Coroutine[Any, Any, None]] = self.rolls.choice(what)
            try:
                await (self.call(number) if number < CLIENTS else one())
            except SyscallError:
                self.refused += 1
            else:
                self.answered += 1
            await asyncio.sleep(0)


async def drive(drivers: Drivers, app: App, rolls: random.Random) -> None:
    """Run tasks, cancel some, and let drivers answer in between, until all is over."""
    tasks = [asyncio.create_task(app.task(number)) for number in range(rolls.randint(3, 7))]
    cancelled = set()
    for _ in range(3000):
        if all(task.done() for task in tasks):
            break
        chance = rolls.random()
        if chance < 0.05:
            victim = rolls.choice(tasks)
            if not victim.done():
                victim.cancel()
                cancelled.add(victim)
        elif chance < 0.08:
            drivers.kill()
        elif chance < 0.6:
            drivers.advance()
        if chance > 0.3:
            drivers.kernel.deliver()
        await asyncio.sleep(0)
    for task in tasks:
        assert task.done(), "a request has never been answered"
        if not task.cancelled():
            assert task.exception() is None, task.exception()
        else:
            assert task in cancelled


def run(seed: int) -> Drivers:
    rolls = random.Random(seed)
    with library() as kernel:
        drivers = Drivers(kernel, rolls)
        ipc = importlib.import_module("adder.ipc")
        ipc._LOOK_MS = 1
        app = App(drivers, rolls)
        asyncio.run(drive(drivers, app, rolls))
        # Whatever was given up, the next question is answered: nothing is left in the way.
        while drivers.pending:
            drivers.advance()
        drivers.life = drivers.lives
        calm = random.Random(0)
        calm.random = lambda: 0.5  # type: ignore[method-assign]
        drivers.rolls = calm
        app.rolls = calm
        asyncio.run(app.measure_blocking())
        asyncio.run(app.random_blocking())
        asyncio.run(app.store())
        asyncio.run(app.on_i2c())
        asyncio.run(app.on_spi())
        asyncio.run(app.date())
        for question in OTHERS:
            question.number(question.ask(importlib.import_module(f"adder.{question.module}")))
        drivers.most.pop(IPC, None)  # of a service that has died nothing is under way any more
        assert max(drivers.most.values()) == 1, "two requests to a driver at once"
        assert app.lines == list(range(len(app.lines))), "a line was lost, or went to two"
    return drivers


def test_every_request_has_its_own_answer_whatever_tasks_and_drivers_do(long: bool) -> None:
    runs = LONG_RUNS if long else RUNS
    asked = 0

    @settings(max_examples=runs, deadline=None)
    @given(st.integers(0, 2**32))
    def one(seed: int) -> None:
        nonlocal asked
        asked += len(run(seed).kernel.commands)

    one()
    assert asked > 5 * runs
    if long:
        record("the apps' library", app_library_runs=runs, app_library_commands=asked)


# -- One thing at a time: cancelled at each await, refused, dead ------------------


@pytest.fixture
def kernel():
    with library() as made:
        yield made


def asked_of(kernel: Kernel, driver: int, number: int) -> int:
    return sum(command[:2] == (driver, number) for command in kernel.commands)


@pytest.mark.parametrize("steps", range(6))
def test_a_task_cancelled_at_each_await_leaves_the_next_its_own_answer(kernel, steps) -> None:
    sensors = importlib.import_module("adder.sensors")
    kernel.answers = {(TEMPERATURE, 1): lambda: None}

    async def main() -> float:
        first = asyncio.create_task(sensors.temperature.get())
        second = asyncio.create_task(sensors.temperature.get())
        for _ in range(steps):
            await asyncio.sleep(0)
        first.cancel()
        answers = 0
        while not second.done():
            await asyncio.sleep(0)
            if asked_of(kernel, TEMPERATURE, 1) > answers:  # each question that the driver has heard, in order
                answers += 1
                kernel.upcall(TEMPERATURE, 0, 100 * answers, 0, 0)
                kernel.deliver()
        assert first.cancelled()
        assert asked_of(kernel, TEMPERATURE, 1) == answers
        return second.result() - answers

    assert asyncio.run(main()) == 0


def test_who_blocks_goes_before_tasks_that_wait(kernel) -> None:
    sensors = importlib.import_module("adder.sensors")
    questions = []

    def measure() -> None:
        questions.append(len(questions) + 1)
        kernel.upcall(TEMPERATURE, 0, 100 * questions[-1], 0, 0)

    kernel.answers = {(TEMPERATURE, 1): measure}

    async def main() -> list[float]:
        tasks = [asyncio.create_task(sensors.temperature.get()) for _ in range(3)]
        await asyncio.sleep(0)  # the first has asked, two wait for their turn
        blocking = sensors.temperature.read()
        while not all(task.done() for task in tasks):
            kernel.deliver()
            await asyncio.sleep(0)
        return [blocking, *(task.result() for task in tasks)]

    assert asyncio.run(main()) == [2, 1, 3, 4]


def test_a_short_answer_is_asked_for_again_and_none_is_an_error(kernel) -> None:
    rng = importlib.import_module("adder.rng")
    given_out = bytearray()

    def some(count: int) -> None:
        kernel.buffers[RNG, 0][:3] = bytes(range(len(given_out) + 1, len(given_out) + 4))
        given_out.extend(range(3))
        kernel.upcall(RNG, 0, 0, 3, 0)

    kernel.answers = {(RNG, 1): some}
    assert rng.read(9) == bytes(range(1, 10))
    kernel.answers = {(RNG, 1): lambda count: kernel.upcall(RNG, 0, 0, 0, 0)}
    with pytest.raises(SyscallError):
        rng.read(1)
    assert rng.read(0) == b""


def test_a_client_is_told_that_its_service_has_ended_or_begun_anew(kernel) -> None:
    ipc = importlib.import_module("adder.ipc")
    life = [1]

    def ask(service: int) -> Any:
        return life[0] if service == SERVICE else SyscallError(6, "INVAL")

    kernel.answers = {(IPC, 1): SERVICE, (IPC, 6): lambda service: life[0], (IPC, 7): ask}
    client = ipc.Client("svc")
    for after in (2, SyscallError(6, "INVAL")):
        client.notify()
        life[0] = after
        with pytest.raises(SyscallError) as caught:
            client.wait()
        assert caught.value.errno == 12
        life[0] = 3
    client.notify()
    kernel.upcall(IPC, SERVICE, SERVICE, 0, 0)
    client.wait()
    kernel.answers[IPC, 7] = SyscallError(6, "INVAL")  # in the pause before it is started again
    with pytest.raises(SyscallError) as caught:
        client.notify()
    assert caught.value.errno == 12
    life[0] = 4
    kernel.answers[IPC, 7] = ask
    client.notify()
    kernel.upcall(IPC, SERVICE, SERVICE, 0, 0)
    client.wait()


class Answering:
    """A service that turns each bit of what a client of this app shares, when it is told to."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.life = 1
        self.asked: list[bytes] = []
        self.pending: list[Any] = []
        kernel.answers = {(IPC, 1): SERVICE, (IPC, 6): lambda service: self.life, (IPC, 7): self.ask}
        kernel.idle = lambda milliseconds: self.answer() and kernel.deliver()

    def ask(self, service: int) -> int:
        if service != SERVICE:
            raise SyscallError(6, "INVAL")
        assert not self.pending, "two questions at once"
        buffer = self.kernel.buffers[IPC, SERVICE]
        self.asked.append(bytes((buffer or b"")[:1]))
        self.pending.append(self.asked[-1])
        return self.life

    def answer(self) -> bool:
        if not self.pending:
            return False
        question = self.pending.pop()
        buffer = self.kernel.buffers[IPC, SERVICE]
        if buffer is not None and question:
            buffer[0] = question[0] ^ 0xFF  # over whatever is there by now
        self.kernel.upcall(IPC, SERVICE, SERVICE, 32, 0)
        return True


@pytest.mark.parametrize("blocking", [(), (0,), (1,), (0, 1, 2)])
def test_clients_of_one_service_in_several_tasks_get_their_own_answers_in_their_own_buffers(kernel, blocking) -> None:
    ipc = importlib.import_module("adder.ipc")
    service = Answering(kernel)

    async def ask(number: int) -> None:
        client = ipc.Client("svc", 32)
        for again in range(5):
            client.buffer[0] = 16 * number + again
            client.notify()
            if number in blocking:
                client.wait()
            else:
                await client.answer()
            assert client.buffer[0] == (16 * number + again) ^ 0xFF
            await asyncio.sleep(0)

    async def main() -> None:
        tasks = [asyncio.create_task(ask(number)) for number in range(3)]
        for _ in range(200):
            service.answer()
            kernel.deliver()
            await asyncio.sleep(0)
        assert all(task.done() and not task.exception() for task in tasks), tasks

    asyncio.run(main())
    assert len(service.asked) == 15


def test_a_client_whose_service_ends_while_another_of_its_app_waits_for_its_turn_is_told_so(kernel) -> None:
    ipc = importlib.import_module("adder.ipc")
    service = Answering(kernel)
    first, second = (ipc.Client("svc", 32) for _ in range(2))
    first.notify()
    service.pending.clear()
    service.life = 2  # it has begun anew, and knows nothing of the question
    second.buffer[0] = 1
    second.notify()
    with pytest.raises(SyscallError) as caught:
        first.wait()
    assert caught.value.errno == 12
    second.wait()
    assert second.buffer[0] == 0xFE


@pytest.mark.parametrize("awaited", [False, True])
def test_a_late_answer_is_not_the_next_question(kernel, awaited) -> None:
    ipc = importlib.import_module("adder.ipc")
    service = Answering(kernel)
    first, second = (ipc.Client("svc", 32) for _ in range(2))

    async def main() -> None:
        first.buffer[0] = 1
        first.notify()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(first.answer(), 0.001)
        first.buffer[0] = 2
        if not awaited:
            first.notify()
            assert service.asked == [b"\1", b"\2"]
            first.wait()
            return
        # Nobody blocks, neither for the late answer nor for another client's.
        kernel.idle = lambda milliseconds: pytest.fail("blocks all tasks")
        second.buffer[0] = 3
        asked = [asyncio.create_task(client.ask()) for client in (first, second)]
        for count in (1, 2, 3):
            await turns()
            assert len(service.asked) == count
            service.answer()
        await turns()
        await asyncio.gather(*asked)
        assert service.asked == [b"\1", b"\2", b"\3"]
        assert second.buffer[0] == 0xFC

    async def turns() -> None:
        for _ in range(250):
            kernel.deliver()
            await asyncio.sleep(0)

    asyncio.run(main())
    assert first.buffer[0] == 0xFD


def test_a_service_that_has_been_installed_anew_is_found_again_by_its_name(kernel) -> None:
    ipc = importlib.import_module("adder.ipc")
    place = [SERVICE]
    service = Answering(kernel)
    known: set[int] = set()

    def lent(driver: int, number: int, buffer: Any) -> None:
        known.add(number)
        Kernel.allow(kernel, driver, number, buffer)

    def ask(number: int) -> int:
        if number != place[0] or number not in known:
            raise SyscallError(6, "INVAL")  # nobody is there, or it is another than the client has lent its buffer
        return service.life

    def find(*_: int) -> int:
        if not place[0]:
            raise SyscallError(11, "NODEVICE")
        return place[0]

    kernel.answers |= {(IPC, 1): find, (IPC, 7): ask, (IPC, 0): 0}
    ipc.allow_rw = lent
    first, second = (ipc.Client("svc", 32) for _ in range(2))
    for number in (SERVICE, 0, SERVICE, 0, SERVICE + 1, SERVICE):
        place[0] = number
        known.clear()
        for client in (first, second, first):
            if not number:
                with pytest.raises(SyscallError) as caught:
                    client.notify()
                assert caught.value.errno == 12
                continue
            client.notify()
            kernel.upcall(IPC, number, number, 32, 0)
            client.wait()


def test_a_client_that_a_task_waits_for_refuses_another_question(kernel) -> None:
    ipc = importlib.import_module("adder.ipc")
    service = Answering(kernel)
    client = ipc.Client("svc", 32)

    async def ask() -> None:
        client.notify()
        await client.answer()

    async def main() -> None:
        one, other = asyncio.create_task(ask()), asyncio.create_task(ask())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert other.done()
        assert other.exception().errno == BUSY
        one.cancel()
        await asyncio.sleep(0)
        again = asyncio.create_task(ask())  # the one before was given up
        while not again.done():
            service.answer()
            kernel.deliver()
            await asyncio.sleep(0)
        assert again.exception() is None

    asyncio.run(main())


class Service:
    """An ipc.Service with clients that share buffers, refuse to look, or are gone."""

    def __init__(self, kernel: Kernel) -> None:
        self.shared: dict[int, bytearray | None] = {}
        self.deaf: set[int] = set()
        self.told: list[int] = []
        self.kernel = kernel
        kernel.answers = {
            (IPC, 1): SERVICE,
            (IPC, 3): self.notify,
            (IPC, 4): lambda client: self.copy(client, True),
            (IPC, 8): self.answer,
        }
        self.service = importlib.import_module("adder.ipc").Service("svc")

    def ask(self, client: int, buffer: bytearray | None) -> None:
        self.shared[client] = buffer
        self.kernel.upcall(IPC, SERVICE, client, len(buffer or b""), 0x20000000)

    def copy(self, client: int, fetch: bool) -> int:
        theirs = self.shared.get(client)
        if theirs is None:
            raise SyscallError(6, "INVAL")
        ours = self.kernel.buffers[IPC, SERVICE]
        length = min(len(ours), len(theirs))
        if fetch:
            ours[:length] = theirs[:length]
        else:
            theirs[:length] = ours[:length]
        return length

    def answer(self, client: int) -> None:
        self.copy(client, False)
        self.notify(client)

    def notify(self, client: int) -> None:
        if client in self.deaf:
            raise SyscallError(9, "NOMEM")
        if client not in self.shared:
            raise SyscallError(6, "INVAL")
        self.told.append(client)


def test_a_service_outlives_clients_that_end_share_nothing_or_never_look(kernel) -> None:
    world = Service(kernel)
    world.ask(1, bytearray(b"a" + bytes(31)))
    world.ask(2, None)
    world.ask(4, bytearray(b"c" + bytes(31)))
    world.ask(5, bytearray(b"d" + bytes(31)))
    gone = world.shared[5]
    world.deaf.add(4)
    for client, first in ((1, b"a"), (2, None), (4, b"c")):
        number, buffer = world.service.wait()
        assert number == client
        assert (bytes(buffer[:1]) if buffer else None) == first
        if buffer:
            buffer[0] += 1
        if client == 1:
            del world.shared[5]  # ends after its notify
        world.service.answer(client)
    assert world.shared[1][:1] == b"b"
    assert world.shared[4][:1] == b"d"
    assert gone[:1] == b"d"
    assert world.told == [1, 2]
    world.ask(1, bytearray(b"x" + bytes(31)))
    assert world.service.wait()[0] == 1
    world.deaf.clear()
    world.service.answer(1)
    world.ask(2, None)
    assert world.service.wait() == (2, None)
    assert world.told == [1, 2, 1, 4]  # who had no room is told later


@pytest.mark.parametrize("steps", range(6))
def test_each_request_goes_to_one_task_of_a_service_though_another_gives_up_at_any_await(kernel, steps) -> None:
    world = Service(kernel)
    served = []

    async def serve() -> None:
        while True:
            client, buffer = await world.service.request()
            served.append(client)
            if buffer is not None:
                buffer[0] += 1
            world.service.answer(client)

    async def main() -> None:
        tasks = [asyncio.create_task(serve()) for _ in range(3)]
        world.ask(1, bytearray(b"a" + bytes(31)))
        for step in range(6):
            if step == steps:
                tasks[0].cancel()
            await asyncio.sleep(0)
            kernel.deliver()
        for client, shared in ((2, bytearray(b"b" + bytes(31))), (3, None), (4, bytearray(b"d" + bytes(31)))):
            world.ask(client, shared)
        del world.shared[4]  # ends after its notify
        world.deaf.add(2)  # has no room for its answer
        world.ask(5, bytearray(b"e" + bytes(31)))
        for step in range(40):
            kernel.deliver()
            if step == 20:
                world.deaf.clear()
            await asyncio.sleep(0)
        assert tasks[0].cancelled()
        assert not any(task.done() for task in tasks[1:])
        for task in tasks[1:]:
            task.cancel()

    asyncio.run(main())
    assert served == [1, 2, 3, 5]
    assert [world.shared[client][:1] for client in (1, 2, 5)] == [b"b", b"c", b"f"]


def test_a_client_that_notifies_without_end_takes_no_more_memory_than_others(kernel) -> None:
    world = Service(kernel)
    for _ in range(100):
        world.ask(1, bytearray(64))
        kernel.deliver()
    world.ask(2, bytearray(1 << 20))
    kernel.deliver()
    assert len(world.service._requests) == 3
    sizes = [len(world.service.wait()[1]) for _ in range(3)]
    assert sizes == [64, 64, 1024]


def test_who_has_asked_again_before_its_answer_is_answered_when_that_is_served(kernel) -> None:
    world = Service(kernel)
    world.ask(1, bytearray(b"first" + bytes(27)))
    client, buffer = world.service.wait()
    world.ask(1, bytearray(b"again" + bytes(27)))  # as its next life does, from the same memory
    kernel.deliver()
    buffer[:5] = b"FIRST"
    world.service.answer(client)
    assert (bytes(world.shared[1][:5]), world.told) == (b"again", [])
    client, buffer = world.service.wait()
    assert bytes(buffer[:5]) == b"again"
    buffer[:5] = b"AGAIN"
    world.service.answer(client)
    assert (bytes(world.shared[1][:5]), world.told) == (b"AGAIN", [1])


def test_a_service_sees_nothing_of_one_client_in_the_copy_of_another(kernel) -> None:
    world = Service(kernel)
    world.ask(1, bytearray(b"secret--" * 8))
    client, buffer = world.service.wait()
    world.service.answer(client)
    world.ask(2, bytearray(64))
    world.shared[2] = bytearray(b"short")  # it shares less than it has said
    client, again = world.service.wait()
    assert (client, bytes(again)) == (2, b"short".ljust(64, b"\0"))
    assert again is buffer  # an answered copy's memory, without a new object
    world.ask(3, bytearray(b"other---" * 8))
    _, other = world.service.wait()
    assert other is not again
    assert bytes(again[:5]) == b"short"
    world.service.answer(2)
    world.service.answer(3)
    assert bytes(world.shared[3]) == b"other---" * 8


def test_what_is_stored_is_counted_in_bytes(kernel) -> None:
    from array import array

    storage = importlib.import_module("adder.storage")
    drivers = Drivers(kernel, random.Random(1))
    drivers.rolls.random = lambda: 0.5  # type: ignore[method-assign]
    assert storage.write(0, array("I", [0x11111111, 0x22222222])) == 8
    assert storage.read(0, 8) == b"\x11" * 4 + b"\x22" * 4
    assert storage.write(8, memoryview(array("H", [0x4142]))) == 2
    with pytest.raises(TypeError):
        storage.write(0, "text")


# -- A question that was given up --------------------------------------------------


async def turns(kernel: Kernel, count: int = 250) -> None:
    for _ in range(count):
        kernel.deliver()
        await asyncio.sleep(0)


@pytest.mark.parametrize("way", ["ask", "answer", "wait"])
@pytest.mark.parametrize("between", ["nothing", "the late answer", "another client's question"])
def test_no_late_answer_is_written_over_what_is_asked_next_whoever_gave_up_and_whatever_comes_between(
    kernel, way, between
) -> None:
    ipc = importlib.import_module("adder.ipc")
    service = Answering(kernel)
    first, second = (ipc.Client("svc", 32) for _ in range(2))

    def interrupts(milliseconds: int) -> bool:
        raise KeyboardInterrupt

    async def main() -> None:
        first.buffer[0] = 1
        if way == "wait":
            first.notify()
            idle, kernel.idle = kernel.idle, interrupts
            with pytest.raises(KeyboardInterrupt):
                first.wait()
            kernel.idle = idle
        else:
            if way == "answer":
                first.notify()
            asked = asyncio.create_task(first.ask() if way == "ask" else first.answer())
            await turns(kernel, 5)
            asked.cancel()
            await turns(kernel, 5)
            assert asked.cancelled()
        assert bytes(kernel.buffers[IPC, SERVICE][:1]) == b"\1", "the service is to see the question, given up or not"
        first.buffer[0] = 2
        if between == "the late answer":
            service.answer()
            await turns(kernel)
        elif between == "another client's question":
            second.buffer[0] = 3
            second.notify()
            second.wait()
            assert second.buffer[0] == 0xFC
        again = asyncio.create_task(first.ask())
        for _ in range(2):
            await turns(kernel)
            service.answer()
        await turns(kernel)
        await again
        assert first.buffer[0] == 0xFD
        assert b"\2" in service.asked
        assert b"\xfe" not in service.asked

    asyncio.run(main())


def test_who_gives_up_and_waits_again_has_the_late_answer(kernel) -> None:
    ipc = importlib.import_module("adder.ipc")
    service = Answering(kernel)
    client = ipc.Client("svc", 32)

    async def main() -> None:
        client.buffer[0] = 1
        client.notify()
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.answer(), 0.001)
        assert client.buffer[0] == 1
        service.answer()
        await client.answer() if kernel.deliver() else None
        assert client.buffer[0] == 0xFE
        client.wait()

    asyncio.run(main())


def test_a_client_without_a_buffer_asks_and_gives_up_like_any_other(kernel) -> None:
    ipc = importlib.import_module("adder.ipc")
    service = Answering(kernel)
    bell = ipc.Client("svc")

    async def main() -> None:
        for _ in range(2):
            rung = asyncio.create_task(bell.ask())
            await turns(kernel, 5)
            service.answer()
            await turns(kernel, 5)
            await rung
            bell.notify()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(bell.answer(), 0.001)
            bell.notify()
            bell.wait()

    asyncio.run(main())
    assert len(service.asked) == 6


def test_a_wait_that_no_question_is_left_for_raises_until_the_next(kernel) -> None:
    ipc = importlib.import_module("adder.ipc")
    service = Answering(kernel)
    client = ipc.Client("svc", 32)
    client.notify()
    service.pending.clear()
    service.life = 2
    for wait in (lambda: client.wait(), lambda: client.wait(), lambda: asyncio.run(client.answer())):
        with pytest.raises(SyscallError) as caught:
            wait()
        assert caught.value.errno == 12
    kernel.answers[IPC, 7] = SyscallError(9, "NOMEM")
    with pytest.raises(SyscallError):
        client.notify()
    with pytest.raises(SyscallError):
        client.wait()
    kernel.answers[IPC, 7] = service.ask
    client.buffer[0] = 1
    client.notify()
    client.wait()
    client.wait()
    assert client.buffer[0] == 0xFE


def test_a_question_that_is_refused_because_a_task_waits_leaves_that_its_answer(kernel) -> None:
    ipc = importlib.import_module("adder.ipc")
    service = Answering(kernel)
    client = ipc.Client("svc", 32)

    async def main() -> None:
        client.buffer[0] = 1
        client.notify()
        waits = asyncio.create_task(client.answer())
        await turns(kernel, 3)
        for _ in range(2):  # before the answer has come, and between it and the task
            with pytest.raises(SyscallError) as caught:
                client.notify()
            assert caught.value.errno == BUSY
            service.answer()
            kernel.deliver()
        await turns(kernel, 5)
        await waits
        assert client.buffer[0] == 0xFE

    asyncio.run(main())


# -- What a service answers ---------------------------------------------------------


@pytest.mark.parametrize("shares", [True, False])
@pytest.mark.parametrize("first_is_first", [True, False])
def test_an_answer_to_a_request_that_is_over_does_not_answer_the_one_that_another_worker_has(
    kernel, shares, first_is_first
) -> None:
    world = Service(kernel)

    def asks(text: bytes) -> None:
        world.ask(1, bytearray(text.ljust(32, b"\0")) if shares else None)
        kernel.deliver()

    for _ in range(3):
        asks(b"first")
        stale, old = world.service.wait()
        asks(b"second")  # its next life
        client, new = world.service.wait()
        assert client == stale == 1
        assert {client: 0}[1] == 0
        for turn in range(2):
            if (turn == 0) == first_is_first:
                if shares:
                    old[:5] = b"STALE"
                world.service.answer(stale)
            else:
                if shares:
                    new[:6] = b"SECOND"
                world.service.answer(client)
            assert len(world.told) == (turn == 1 or not first_is_first)
        if shares:
            assert bytes(world.shared[1][:6]) == b"SECOND"
        world.service.answer(client)  # once more
        world.service.answer(stale)
        asks(b"third")
        after, _ = world.service.wait()
        world.service.answer(stale)
        assert len(world.told) == 1
        world.service.answer(after)
        assert len(world.told) == 2
        world.told.clear()


def test_who_had_no_room_for_its_answer_and_has_asked_again_is_answered_then(kernel) -> None:
    world = Service(kernel)
    for asks_again_before in (True, False):
        world.ask(1, bytearray(32))
        client, _ = world.service.wait()
        world.deaf.add(1)
        world.service.answer(client)
        world.deaf.clear()
        world.ask(1, bytearray(32))
        if asks_again_before:
            kernel.deliver()
        world.ask(2, bytearray(32))
        client, _ = world.service.wait()
        assert client == 1
        assert world.service.wait()[0] == 2
        assert world.told == []
        world.service.answer(client)
        assert world.told == [1]
        world.service.answer(2)
        world.told.clear()


@pytest.mark.parametrize("change", ["longer", "longer for a while", "shorter", "longer after it was answered"])
def test_nothing_of_a_service_but_its_copy_goes_to_a_client_whatever_becomes_of_the_copy(kernel, change) -> None:
    # Where a bytearray has its bytes is MicroPython's: it moves when it grows.
    ipc = importlib.import_module("adder.ipc")
    places: dict[int, int] = {}
    lent: list[tuple[int, int]] = []
    ipc.addressof = lambda buffer: places.setdefault(id(buffer), 0x20000000 + 64 * len(places))
    world = Service(kernel)
    kept = []
    allow = ipc.allow_rw

    def lend(driver: int, number: int, buffer: Any) -> None:
        kept.append(buffer)
        lent.append((ipc.addressof(buffer), len(buffer)))
        allow(driver, number, buffer)

    def moves(buffer: bytearray) -> None:
        places[id(buffer)] = 0x20008000 + 64 * len(lent)

    ipc.allow_rw = lend
    for text in (b"one", b"two", b"three"):
        world.ask(1, bytearray(text.ljust(32, b"\0")))
        client, buffer = world.service.wait()
        assert lent[-1] == (ipc.addressof(buffer), len(buffer))
        assert bytes(buffer) == text.ljust(32, b"\0")
        if change == "longer":
            buffer[:40] = text * 8 + bytes(40 - 8 * len(text))
            moves(buffer)
        elif change == "longer for a while":
            buffer.extend(bytes(100))
            del buffer[32:]
            moves(buffer)
        elif change == "shorter":
            del buffer[8:]
        world.service.answer(client)
        assert lent[-1][0] == ipc.addressof(buffer)
        if change == "longer after it was answered":
            buffer.extend(bytes(100))
            del buffer[32:]
            moves(buffer)


@pytest.mark.parametrize("size", [2049, 4096])
def test_more_than_the_kernel_copies_at_once_is_refused(kernel, size) -> None:
    ipc = importlib.import_module("adder.ipc")
    kernel.answers = {(IPC, 1): SERVICE}
    ipc.Service("svc", largest=2048)
    ipc.Client("svc", 2048)
    with pytest.raises(ValueError, match="2048"):
        ipc.Service("svc", largest=size)
    with pytest.raises(ValueError, match="2048"):
        ipc.Client("svc", size)
