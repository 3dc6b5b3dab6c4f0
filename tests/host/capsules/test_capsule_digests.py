"""Digests: virtual/crc.py and sha256.py, core/crc.py, sha.py and hmac.py. And the board's own number, core/eui64.py."""

import hashlib
import hmac as reference
import random
import zlib

import pytest
from cells import Buffer
from cut_short import cut_short
from kernel import ErrorCode, Machine, Registers, _deferred, step_deferred

from capsules.core import crc, eui64, hmac, sha
from capsules.drivers.nrf52.ficr import Ficr
from capsules.drivers.simulated.identity import SimulatedIdentity
from capsules.virtual.sha256 import DIGEST, SIZE, Sha256

EXISTS = 0
LENGTHS = (0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 128, 511, 512, 513, 1500)


def data(length: int) -> bytes:
    return random.Random(length).randbytes(length)


def finish(machine) -> None:
    while step_deferred():
        pass
    machine.holds = False


# -- CRC --

COMPUTE = 1


@pytest.fixture
def summing(machine):
    grant = machine.grant(crc.DRIVER_NUM, crc.LAYOUT)
    machine.serve(grant, crc.CrcDriver(grant).command, words=False)
    return [machine.process() for _ in range(3)]


def checksum(app, algorithm: int, text: bytes) -> int:
    app.allow_read_only(crc.DRIVER_NUM, 0, text)
    assert app.command(crc.DRIVER_NUM, COMPUTE, algorithm, len(text)) == ()
    ((driver, number, status, value, kind),) = app.take_upcalls()
    assert (driver, number, status, kind) == (crc.DRIVER_NUM, 0, 0, algorithm)
    return value


@pytest.mark.parametrize("length", LENGTHS[1:])
def test_the_crc_of_a_buffer_is_that_of_zip_whatever_its_length(summing, length) -> None:
    assert summing[0].command(crc.DRIVER_NUM, EXISTS) == ()
    assert checksum(summing[0], 0, data(length)) == zlib.crc32(data(length))


def test_the_other_crcs_are_what_their_specifications_check_with(summing) -> None:
    assert checksum(summing[0], 1, b"123456789") == 0xE3069283  # RFC 3720, B.4, by the catalogue's check value
    # As libtock-c's own test has them
    for text, value in ((b"ABCDEFG", 0x1541), (b"0123", 0xD5A8), (b"01234567ABCDE", 0xE06E)):
        assert checksum(summing[0], 2, text) == value


def test_a_crc_that_could_never_be_right_is_refused(summing) -> None:
    app = summing[0]
    app.allow_read_only(crc.DRIVER_NUM, 0, b"1234")
    assert [app.command(crc.DRIVER_NUM, COMPUTE, a, 4) for a in (3, 0xFFFFFFFF)] == [ErrorCode.INVAL] * 2
    assert [app.command(crc.DRIVER_NUM, COMPUTE, 0, n) for n in (0, 5, 0xFFFFFFFF)] == [ErrorCode.SIZE] * 3
    assert [app.command(crc.DRIVER_NUM, n, 0, 4) for n in (2, 0xFFFFFFFF)] == [ErrorCode.NOSUPPORT] * 2
    app.grants_left = 0
    summing[1].grants_left = 0
    assert summing[1].command(crc.DRIVER_NUM, COMPUTE, 0, 1) == ErrorCode.NOMEM
    assert app.take_upcalls() == []


def test_processes_have_their_crcs_in_turn_and_one_that_dies_holds_nobody_up(machine, summing) -> None:
    machine.holds = True
    for n, app in enumerate(summing):
        app.allow_read_only(crc.DRIVER_NUM, 0, data(200 + n))
        assert app.command(crc.DRIVER_NUM, COMPUTE, 0, 200 + n) == ()
    assert summing[0].command(crc.DRIVER_NUM, COMPUTE, 0, 200) == ErrorCode.BUSY
    step_deferred()
    step_deferred()
    summing[1].restart()  # it is the one whose turn it is: after slot 0, from which the counting begins
    summing[2].allow_read_only(crc.DRIVER_NUM, 0, data(202)[:100])  # it has become shorter
    finish(machine)
    assert [app.take_upcalls()[0][3] for app in (summing[0], summing[2])] == [
        zlib.crc32(data(200)), zlib.crc32(data(202)[:100]),
    ]  # fmt: skip
    assert summing[1].take_upcalls() == []
    assert checksum(summing[1], 0, b"alive") == zlib.crc32(b"alive")


# -- SHA --

SET_ALGORITHM, HASH = 1, 2


@pytest.fixture
def hashing(machine):
    grant = machine.grant(sha.DRIVER_NUM, sha.LAYOUT)
    machine.serve(grant, sha.ShaDriver(grant, Sha256(Buffer(SIZE + DIGEST))).command, words=False)
    return [machine.process() for _ in range(3)]


def ask_for_hash(app, text: bytes, size: int = 32) -> bytearray:
    app.allow_read_only(sha.DRIVER_NUM, 0, text)
    place = app.allow_read_write(sha.DRIVER_NUM, 0, size)
    assert app.command(sha.DRIVER_NUM, HASH) == ()
    return place


@pytest.mark.parametrize("length", LENGTHS)
def test_the_hash_of_a_buffer_is_that_of_hashlib_whatever_its_length(hashing, length) -> None:
    assert hashing[0].command(sha.DRIVER_NUM, EXISTS) == ()
    assert hashing[0].command(sha.DRIVER_NUM, SET_ALGORITHM, 0) == ()
    place = ask_for_hash(hashing[0], data(length))
    assert hashing[0].take_upcalls() == [(sha.DRIVER_NUM, 0, 0, 0, 0)]
    assert bytes(place) == hashlib.sha256(data(length)).digest()


def test_a_place_of_another_size_is_not_written_to(hashing) -> None:
    for size in (0, 31, 33):
        place = ask_for_hash(hashing[0], b"x", size)
        assert hashing[0].take_upcalls() == [(sha.DRIVER_NUM, 0, ErrorCode.NOMEM, 0, 0)]
        assert not any(place)


def test_what_the_hash_driver_cannot_do_is_refused(machine, hashing) -> None:
    app = hashing[0]
    assert [app.command(sha.DRIVER_NUM, SET_ALGORITHM, n) for n in (1, 2, 0xFFFFFFFF)] == [ErrorCode.NOSUPPORT] * 3
    assert [app.command(sha.DRIVER_NUM, n) for n in (3, 0xFFFFFFFF)] == [ErrorCode.NOSUPPORT] * 2
    hashing[1].grants_left = 0
    assert hashing[1].command(sha.DRIVER_NUM, HASH) == ErrorCode.NOMEM
    machine.holds = True
    assert app.command(sha.DRIVER_NUM, HASH) == ()
    assert app.command(sha.DRIVER_NUM, HASH) == ErrorCode.NOMEM


def test_processes_have_their_hashes_in_turn_and_one_that_dies_holds_nobody_up(machine, hashing) -> None:
    machine.holds = True
    places = [ask_for_hash(app, data(1000 + n)) for n, app in enumerate(hashing)]
    step_deferred()
    hashing[1].fault()
    finish(machine)
    assert [len(app.take_upcalls()) for app in hashing] == [1, 0, 1]
    for n in (0, 2):
        assert bytes(places[n]) == hashlib.sha256(data(1000 + n)).digest()


# -- HMAC --

SET, RUN, UPDATE, FINISH = 0, 1, 2, 3
KEY, DATA, CODE = 0, 1, 2


@pytest.fixture
def signing(machine):
    grant = machine.grant(hmac.DRIVER_NUM, hmac.LAYOUT)
    engine = Sha256(Buffer(SIZE + DIGEST))
    machine.serve(grant, hmac.HmacDriver(grant, engine).command)
    return [machine.process() for _ in range(3)]


def ready(app, key: bytes, text: bytes, size: int = 32) -> bytearray:
    app.allow_read_only(hmac.DRIVER_NUM, KEY, key)
    app.allow_read_only(hmac.DRIVER_NUM, DATA, text)
    assert app.command(hmac.DRIVER_NUM, SET, 0) == ()
    return app.allow_read_write(hmac.DRIVER_NUM, CODE, size)


def code_of(key: bytes, text: bytes) -> bytes:
    return reference.new(key, text, hashlib.sha256).digest()


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("size", [0, 1, 20, 63, 64, 65, 131, 600])
def test_the_code_is_that_of_the_rfc_whatever_the_lengths(signing, length, size) -> None:
    place = ready(signing[0], data(size), data(length))
    assert signing[0].command(hmac.DRIVER_NUM, RUN) == ()
    expected = code_of(data(size), data(length))
    assert bytes(place) == expected
    assert signing[0].take_upcalls() == [(hmac.DRIVER_NUM, 0, 0, expected[0], 0)]


def test_a_message_comes_in_parts_of_any_length(signing) -> None:
    app = signing[0]
    place = ready(app, b"key", b"")
    text = b""
    for length in (1, 63, 64, 65, 0, 100):
        text += data(length)
        app.allow_read_only(hmac.DRIVER_NUM, DATA, data(length))
        assert app.command(hmac.DRIVER_NUM, UPDATE) == ()
        assert app.take_upcalls() == [(hmac.DRIVER_NUM, 0, 0, 0, 0)]
        app.allow_read_only(hmac.DRIVER_NUM, KEY, b"not this one")
    assert app.command(hmac.DRIVER_NUM, FINISH) == ()
    assert bytes(place) == code_of(b"key", text)
    assert len(app.take_upcalls()) == 1
    assert app.command(hmac.DRIVER_NUM, FINISH) == ErrorCode.OFF


def test_parts_are_given_up_for_another_process_and_their_owner_is_told_once(signing) -> None:
    ready(signing[0], b"a", b"part")
    assert signing[0].command(hmac.DRIVER_NUM, UPDATE) == ()
    place = ready(signing[1], b"b", b"whole")
    assert signing[1].command(hmac.DRIVER_NUM, RUN) == ()
    assert bytes(place) == code_of(b"b", b"whole")
    assert signing[0].command(hmac.DRIVER_NUM, UPDATE) == ErrorCode.OFF
    place = ready(signing[0], b"a", b"part")
    assert signing[0].command(hmac.DRIVER_NUM, UPDATE) == ()
    assert signing[0].command(hmac.DRIVER_NUM, FINISH) == ()
    assert bytes(place) == code_of(b"a", b"part")
    # One that runs a whole message gives up its own parts.
    assert signing[0].command(hmac.DRIVER_NUM, UPDATE) == ()
    assert signing[0].command(hmac.DRIVER_NUM, RUN) == ()
    assert bytes(place) == code_of(b"a", b"part")
    assert signing[0].command(hmac.DRIVER_NUM, FINISH) == ErrorCode.OFF


def test_a_short_place_gets_the_beginning_of_the_code(signing) -> None:
    place = ready(signing[0], b"k", b"t", size=10)
    assert signing[0].command(hmac.DRIVER_NUM, RUN) == ()
    assert bytes(place) == code_of(b"k", b"t")[:10]


def test_what_the_hmac_driver_cannot_do_is_refused(machine, signing) -> None:
    app = signing[0]
    assert app.command(hmac.DRIVER_NUM, FINISH) == ErrorCode.OFF
    for known in range(1, 6):
        assert app.command(hmac.DRIVER_NUM, SET, known) == ()
        assert app.command(hmac.DRIVER_NUM, RUN) == app.command(hmac.DRIVER_NUM, UPDATE) == ErrorCode.NOSUPPORT
    assert [app.command(hmac.DRIVER_NUM, SET, n) for n in (6, 0xFFFFFFFF)] == [ErrorCode.NOSUPPORT] * 2
    assert [app.command(hmac.DRIVER_NUM, n) for n in (4, 5, 0xFFFFFFFF)] == [ErrorCode.NOSUPPORT] * 3
    signing[1].grants_left = 0
    assert signing[1].command(hmac.DRIVER_NUM, SET) == signing[1].command(hmac.DRIVER_NUM, RUN) == ErrorCode.NOMEM
    ready(app, b"", b"")
    machine.holds = True
    assert app.command(hmac.DRIVER_NUM, RUN) == ()
    assert [app.command(hmac.DRIVER_NUM, n) for n in (RUN, UPDATE, FINISH)] == [ErrorCode.NOMEM] * 3


@pytest.mark.parametrize("steps", range(12))
def test_a_process_that_dies_anywhere_in_its_code_holds_nobody_up(machine, signing, steps) -> None:
    machine.holds = True
    for n, app in enumerate(signing):
        ready(app, data(100), data(1200 + n))
        assert app.command(hmac.DRIVER_NUM, RUN if n else UPDATE) == ()
    places = {n: signing[n].allow_read_write(hmac.DRIVER_NUM, CODE, 32) for n in (0, 2)}
    for _ in range(steps):
        step_deferred()
    signing[1].restart()
    finish(machine)
    assert bytes(places[2]) == code_of(data(100), data(1202))
    assert [len(signing[n].take_upcalls()) for n in (0, 2)] == [1, 1]
    if signing[0].command(hmac.DRIVER_NUM, FINISH) == ():
        assert bytes(places[0]) == code_of(data(100), data(1200))


# -- Cut short --


def crc_scene():
    machine = Machine()
    grant = machine.grant(crc.DRIVER_NUM, crc.LAYOUT)
    machine.serve(grant, crc.CrcDriver(grant).command, words=False)
    apps = [machine.process() for _ in range(2)]
    machine.holds = True
    for app in apps:
        app.allow_read_only(crc.DRIVER_NUM, 0, data(9))
        app.command(crc.DRIVER_NUM, COMPUTE, 0, 9)
    return apps, [(0, zlib.crc32(data(9)), 0)] * 2


def sha_scene():
    machine = Machine()
    grant = machine.grant(sha.DRIVER_NUM, sha.LAYOUT)
    machine.serve(grant, sha.ShaDriver(grant, Sha256(Buffer(SIZE))).command, words=False)
    apps = [machine.process() for _ in range(2)]
    machine.holds = True
    apps[0].place, apps[1].place = [ask_for_hash(app, data(100)) for app in apps]
    return apps, [hashlib.sha256(data(100)).digest()] * 2


def hmac_scene(command: int = RUN):
    machine = Machine()
    grant = machine.grant(hmac.DRIVER_NUM, hmac.LAYOUT)
    machine.serve(grant, hmac.HmacDriver(grant, Sha256(Buffer(SIZE + DIGEST))).command)
    apps = [machine.process() for _ in range(2)]
    machine.holds = True
    for app in apps:
        app.place = ready(app, b"k", data(10))
        app.command(hmac.DRIVER_NUM, command)
    return apps, [code_of(b"k", data(10))] * 2


ASKS = {
    crc_scene: (crc.DRIVER_NUM, COMPUTE, 0, 9), sha_scene: (sha.DRIVER_NUM, HASH), hmac_scene: (hmac.DRIVER_NUM, RUN),
}  # fmt: skip


@pytest.mark.parametrize("make", ASKS)
@pytest.mark.parametrize("steps", range(5))
def test_a_step_that_is_cut_short_anywhere_is_made_again_and_each_digest_is_right(make, steps) -> None:
    for after in range(3000):
        _deferred.clear()
        apps, right = make()
        for _ in range(steps):
            step_deferred()
        if not _deferred:
            return
        step = _deferred.pop(0)
        cut = cut_short(step, after)
        if not cut:
            return
        step()  # the kernel makes a deferred call that was cut short once more
        while step_deferred():
            pass
        told = [app.take_upcalls() for app in apps]
        assert all(1 <= len(one) <= 2 for one in told), cut  # at least once
        assert [one[-1][2] for one in told] == [0, 0], cut
        if make is crc_scene:
            assert [one[-1][2:] for one in told] == right, cut
        else:
            assert [bytes(app.place) for app in apps] == right, cut
        # And who asks next is served: that the last one has gone is not forgotten.
        apps[0].command(*ASKS[make])
        while step_deferred():
            pass
        assert len(apps[0].take_upcalls()) == 1, cut


def test_parts_of_a_message_that_were_cut_short_are_not_gone_on_with() -> None:
    for after in range(0, 4000, 101):
        _deferred.clear()
        apps, _ = hmac_scene(UPDATE)
        step = _deferred.pop(0)
        if not cut_short(step, after):
            return
        step()
        while step_deferred():
            pass
        told = [app.take_upcalls()[-1][2] for app in apps]
        for app, status in zip(apps, told, strict=True):
            finished = app.command(hmac.DRIVER_NUM, FINISH)
            assert finished == ErrorCode.OFF if status else finished in ((), ErrorCode.OFF)
            while step_deferred():
                pass
            assert finished != () or bytes(app.place) == code_of(b"k", data(10))


# -- EUI-64 --


@pytest.mark.parametrize("chip", ["nrf52840", "none"])
def test_the_boards_number_has_64_bits(machine, chip) -> None:
    registers = Registers(8)
    registers.words = {0: 0x89ABCDEF, 4: 0x01234567}
    identity = SimulatedIdentity() if chip == "none" else Ficr(registers)
    if chip != "none":
        identity.start()
    grant = machine.grant(eui64.DRIVER_NUM, eui64.LAYOUT)
    machine.serve(grant, eui64.Eui64Driver(identity).command, words=False)
    app = machine.process()
    assert app.command(eui64.DRIVER_NUM, EXISTS) == ()
    expected = (1, 0x02ADDE00) if chip == "none" else (0x89ABCDEF, 0x01234567)
    assert app.command(eui64.DRIVER_NUM, 1) == expected
    assert app.command(eui64.DRIVER_NUM, 2) == ErrorCode.NOSUPPORT
