"""capsules/core/rng.py, and the source that only looks random."""

import pytest
from cells import Buffer
from hardware import FakeAlarm, FakeRng
from kernel import ErrorCode, Registers

from capsules.core.rng import DRIVER_NUM, LAYOUT, RngDriver
from capsules.drivers.simulated.rng import SimulatedRng

EXISTS, GET = 0, 1
SIZE = 8


@pytest.fixture
def rng() -> FakeRng:
    return FakeRng()


@pytest.fixture
def apps(machine, rng):
    grant = machine.grant(DRIVER_NUM, LAYOUT)
    machine.serve(grant, RngDriver(rng, grant, Buffer(SIZE)).command)
    return [machine.process() for _ in range(3)]


def told(app) -> list[tuple[int, ...]]:
    return [upcall[2:] for upcall in app.take_upcalls()]


def test_many_bytes_come_in_parts(apps, rng) -> None:
    memory = apps[0].allow_read_write(DRIVER_NUM, 0, 30)
    assert apps[0].command(DRIVER_NUM, EXISTS) == ()
    assert apps[0].command(DRIVER_NUM, GET, 20) == ()
    for wanted, data in ((8, b"a"), (8, b"b"), (4, b"c")):
        assert (rng.wanted, told(apps[0])) == (wanted, [])
        rng.finish(data)
    assert told(apps[0]) == [(0, 20, 0)]
    assert bytes(memory) == b"a" * 8 + b"b" * 8 + b"c" * 4 + bytes(10)
    assert rng.wanted == 0


@pytest.mark.parametrize("count", [5, 6, 0x7FFFFFFF, 0xFFFFFFFF])
def test_no_more_than_fits_the_buffer(apps, rng, count) -> None:
    memory = apps[0].allow_read_write(DRIVER_NUM, 0, 5)
    assert apps[0].command(DRIVER_NUM, GET, count) == ()
    assert rng.wanted == 5
    rng.finish(b"x")
    assert told(apps[0]) == [(0, 5, 0)]
    assert bytes(memory) == b"xxxxx"


def test_without_a_buffer_or_a_count_there_is_an_upcall_with_nothing(apps, rng) -> None:
    assert apps[0].command(DRIVER_NUM, GET, 4) == ()
    apps[1].allow_read_write(DRIVER_NUM, 0, 4)
    assert apps[1].command(DRIVER_NUM, GET, 0) == ()
    assert told(apps[0]) == told(apps[1]) == [(0, 0, 0)]
    assert rng.wanted == 0


def test_processes_take_turns_and_none_gets_anothers_bytes(apps, rng) -> None:
    memories = [app.allow_read_write(DRIVER_NUM, 0, 16) for app in apps]
    for app in apps:
        app.command(DRIVER_NUM, GET, 16)
    for data in (b"a", b"b", b"c", b"d", b"e", b"f"):
        rng.finish(data)
    assert [told(app) for app in apps] == [[(0, 16, 0)]] * 3
    assert [bytes(memory) for memory in memories] == [b"a" * 8 + b"d" * 8, b"b" * 8 + b"e" * 8, b"c" * 8 + b"f" * 8]


def test_another_request_replaces_the_first(apps, rng) -> None:
    memory = apps[0].allow_read_write(DRIVER_NUM, 0, 16)
    apps[0].command(DRIVER_NUM, GET, 16)
    apps[0].command(DRIVER_NUM, GET, 3)
    rng.finish(b"z")
    assert told(apps[0]) == [(0, 3, 0)]
    assert bytes(memory) == b"zzz" + bytes(13)


def test_a_buffer_that_shrinks_or_goes_ends_the_request(apps, rng) -> None:
    for size in (4, 0):
        apps[0].allow_read_write(DRIVER_NUM, 0, 16)
        apps[0].command(DRIVER_NUM, GET, 16)
        memory = apps[0].allow_read_write(DRIVER_NUM, 0, size)
        rng.finish(b"y")
        assert told(apps[0]) == [(0, size, 0)]
        assert bytes(memory) == b"y" * size
        assert rng.wanted == 0


@pytest.mark.parametrize("restart", [False, True])
def test_what_was_for_a_dead_process_goes_nowhere_and_the_next_one_is_served(apps, rng, restart) -> None:
    apps[0].allow_read_write(DRIVER_NUM, 0, 8)
    apps[0].command(DRIVER_NUM, GET, 8)
    memory = apps[1].allow_read_write(DRIVER_NUM, 0, 8)
    apps[1].command(DRIVER_NUM, GET, 8)
    if restart:
        apps[0].restart()
    else:
        apps[0].fault()
    rng.finish(b"n")
    rng.finish(b"m")
    assert (told(apps[0]), told(apps[1])) == ([], [(0, 8, 0)])
    assert bytes(memory) == b"m" * 8


def test_the_sources_error_is_passed_on(apps, rng) -> None:
    apps[0].allow_read_write(DRIVER_NUM, 0, 16)
    apps[0].command(DRIVER_NUM, GET, 16)
    rng.finish(b"a")
    rng.finish(b"", ErrorCode.FAIL)
    assert told(apps[0]) == [(ErrorCode.FAIL, 8, 0)]
    assert rng.wanted == 0


@pytest.mark.parametrize("count", [4, 0])
def test_an_answer_that_fails_takes_the_source_from_nobody(apps, rng, count, monkeypatch) -> None:
    for app in apps:
        app.allow_read_write(DRIVER_NUM, 0, 4)

    def fail(*_: object) -> None:
        raise RuntimeError

    def ask() -> None:
        apps[0].command(DRIVER_NUM, GET, count)
        rng.finish(b"x")

    with monkeypatch.context() as broken:
        broken.setattr(RngDriver, "_answer", fail)
        with pytest.raises(RuntimeError):
            ask()
    assert apps[1].command(DRIVER_NUM, GET, 4) == ()
    while rng.wanted:
        rng.finish(b"y")
    assert told(apps[1]) == [(0, 4, 0)]
    assert told(apps[0]) == [(0, count, 0)]


def test_a_process_without_memory_is_told_so(apps, rng) -> None:
    apps[0].grants_left = 0
    assert apps[0].command(DRIVER_NUM, GET, 4) == ErrorCode.NOMEM
    assert rng.wanted == 0


@pytest.mark.parametrize("command", [2, 0x80000000, 0xFFFFFFFF])
def test_unknown_commands_are_not_supported(apps, command) -> None:
    assert apps[0].command(DRIVER_NUM, command) == ErrorCode.NOSUPPORT


class Client:
    def __init__(self) -> None:
        self.got = b""

    def filled(self, buffer: Buffer, length: int, status: int) -> None:
        self.got += buffer.get(0, length)
        buffer.give_back()


def simulated(seed: tuple[int, int, int, int], count: int) -> bytes:
    registers = Registers(0x10)
    registers.words = dict(zip(range(0, 16, 4), seed, strict=True))
    alarm = FakeAlarm()
    rng = SimulatedRng(registers, alarm)
    rng.start()
    client, buffer = Client(), Buffer(64)
    rng.set_client(client)
    while len(client.got) < count:
        before = len(client.got)
        rng.fill(buffer.move(rng), 64)
        assert len(client.got) == before  # later
        alarm.pass_time(195 * 20)
    return client.got[:count]


def test_what_looks_random_looks_random_and_depends_on_the_seed() -> None:
    first = simulated((1, 2, 3, 4), 25600)
    assert first == simulated((1, 2, 3, 4), 25600)
    assert first[:16] != simulated((1, 2, 3, 5), 16)
    assert simulated((0, 0, 0, 0), 64) != bytes(64)
    counts = [first.count(byte) for byte in range(256)]
    assert sum((count - 100) ** 2 / 100 for count in counts) < 350  # chi squared; 255 on average
    assert 0.48 < sum(byte.bit_count() for byte in first) / 8 / len(first) < 0.52
