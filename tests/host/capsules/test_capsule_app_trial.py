"""capsules/deploy/trial.py: an app that does not prove itself is replaced by the one before it."""

import random

import pytest
from app_flash import PAGE, Board, cut_board, program, walk
from hardware import FakeAlarm, PowerCut
from kernel import ErrorCode

from capsules.deploy.trial import FAULTED, HUNG, NOT_THERE, PASSED, RUNS, Trial
from capsules.virtual.app_store import ENABLED

SIZE = PAGE * 16
OLD, NEW = program("a", 512, fill=1), program("a", 1024, fill=2)
STATE_RUNNING, STATE_YIELDED, STATE_FAULTED, STATE_TERMINATED = 0, 1, 3, 4


class Tried(Board):
    """A board with a trial that can be begun."""

    def __init__(self, data: bytearray, seconds: int = 3) -> None:
        super().__init__(data)
        self.alarm = FakeAlarm()
        self.trial = Trial(self.store, self.machine.control, self.alarm)
        self.run()
        self.seconds = seconds

    def begin_trial(self) -> None:
        assert self.change(("try", NEW)) == 0
        self.trial.prepare(self.seconds)
        self.trial.begin()

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            if self.alarm.due is None:
                return
            self.alarm.fire()
            self.run()

    def process(self, name: str = "a"):
        return self.machine.processes[self.store.slot_of(self.number(name))]


def with_apps() -> bytearray:
    data = bytearray(b"\xff" * SIZE)
    board = Board(data).booted()
    assert board.change(("install", OLD), ("install", program("b", 512, fill=9))) == 0
    return data


def test_an_app_that_waits_or_goes_on_is_confirmed_and_the_old_one_goes() -> None:
    data = with_apps()
    board = Tried(data)
    neighbour = board.store.slot_of(board.number("b"))
    board.begin_trial()
    assert board.state()["a"] == (NEW, board.store.flags_of(board.number("a")), True)
    board.process().state = STATE_YIELDED
    board.pass_time(2.9)
    assert board.trial.state == RUNS
    board.pass_time(0.2)
    assert board.trial.state == PASSED
    assert board.state()["a"] == (NEW, ENABLED, True)
    assert "kept a" not in board.state()
    assert board.store.slot_of(board.number("b")) == neighbour
    assert Board(data).booted().state() == board.state()


@pytest.mark.parametrize(
    ("what", "verdict"), [("faults", FAULTED), ("restarts", FAULTED), ("hangs", HUNG), ("is ended", NOT_THERE)]
)
def test_one_that_does_not_is_replaced_by_the_old_one(what, verdict, log) -> None:
    data = with_apps()
    before = Board(data).booted().state()
    board = Tried(data)
    neighbour = board.store.slot_of(board.number("b"))
    board.begin_trial()
    process = board.process()
    process.state = STATE_RUNNING
    if what == "faults":
        process.state = STATE_FAULTED
    elif what == "restarts":
        process.facts["restarts"] = 1
    elif what == "is ended":
        board.store.end(board.number("a"))
    board.pass_time(3.2)
    assert board.trial.state == verdict
    assert board.state() == before
    assert board.store.slot_of(board.number("b")) == neighbour
    assert "has failed" in log.text
    assert Board(data).booted().state() == before


def test_one_that_calls_the_kernel_does_not_hang_and_one_that_has_ended_by_itself_has_not_failed() -> None:
    for state in (STATE_RUNNING, STATE_TERMINATED):
        board = Tried(with_apps())
        board.begin_trial()
        process = board.process()
        process.state = state
        for turn in range(31):
            process.facts["syscalls"] = turn if state == STATE_RUNNING else 0
            board.pass_time(0.1)
        assert board.trial.state == PASSED


def test_while_a_host_is_at_the_apps_the_verdict_waits() -> None:
    board = Tried(with_apps())
    board.begin_trial()
    board.process().state = STATE_FAULTED
    assert board.store.begin(board.client) == 0
    board.pass_time(1)
    assert board.trial.state == FAULTED
    assert board.state()["a"][0] == NEW
    assert board.ask(board.store.abort(board.client)) == ErrorCode.CANCEL
    board.pass_time(0.2)
    assert board.state()["a"] == (OLD, ENABLED, True)


def test_there_is_one_trial_at_a_time_and_its_app_may_be_removed() -> None:
    board = Tried(with_apps())
    board.begin_trial()
    board.begin()
    assert board.store.set_flags(board.client, board.number("b"), ENABLED | 64) == ErrorCode.INVAL
    assert board.ask(board.store.abort(board.client)) == ErrorCode.CANCEL
    assert board.change(("drop", "a")) == 0
    board.pass_time(4)
    assert sorted(board.state()) == ["b"]


def test_wherever_the_power_is_cut_before_the_confirmation_the_old_one_is_back(long) -> None:
    """In the install, in the trial, and in the boot that takes it back."""
    flash = with_apps()
    before = Board(bytearray(flash)).booted().state()
    board = cut_board(bytearray(flash), 1 << 30, None)
    assert board.booted().change(("try", NEW)) == 0
    on_trial = bytearray(board.flash.data)
    assert Board(bytearray(on_trial)).booted().state() == before
    total = (1 << 30) - board.flash.cut
    for half in (None, random.Random(3)):
        for cut in range(total):
            if not long and cut % 24 and cut < total - 30:
                continue
            data = bytearray(flash)
            with pytest.raises(PowerCut):
                cut_board(data, cut, half).booted().change(("try", NEW))
            assert Board(data).booted().state() == before, cut
            assert len(walk(data) or {}) == 2
    cut = 0
    while True:  # the boot is cut at each word
        data = bytearray(on_trial)
        try:
            cut_board(data, cut, random.Random(cut)).run()
        except PowerCut:
            assert Board(data).booted().state() == before, cut
            cut += 1
        else:
            break
    assert cut > 20


@pytest.mark.parametrize("good", [True, False])
def test_wherever_the_power_is_cut_in_the_decision_it_is_one_or_the_other(good, long) -> None:
    flash = with_apps()
    before = Board(bytearray(flash)).booted().state()
    assert Board(flash).booted().change(("try", NEW)) == 0
    # As it lies in the flash while the trial is on: a boot would take it back, so the board that decides does not boot.
    total = None
    seen = set()
    for cut in [1 << 30, *range(400)]:
        if cut < total if total is not None else False:
            if not long and cut % 12 and cut < total - 30:
                continue
        elif total is not None:
            break
        data = bytearray(with_apps())
        board = cut_board(data, 1 << 30, random.Random(cut))
        assert board.booted().change(("try", NEW)) == 0
        board.flash.cut = cut
        try:
            assert board.ask(board.store.settle_trial(board.client, good)) == 0
            total = (1 << 30) - board.flash.cut
        except PowerCut:
            pass
        found = Board(data).booted().state()
        assert found == before or (good and found["a"] == (NEW, ENABLED, True) and sorted(found) == ["a", "b"]), cut
        seen.add(found == before)
    assert seen == ({True, False} if good else {True})


@pytest.fixture
def long(request) -> bool:
    """As in tests/conftest.py, without which this folder's tests are run as well."""
    return bool(request.config.getoption("--long", default=False))


def test_each_app_on_trial_proves_itself_and_none_hangs_behind_another_ones_calls() -> None:
    data = with_apps()
    before = Board(data).booted().state()
    board = Tried(data)
    assert board.change(("try", NEW), ("try", program("b", 1024, fill=3))) == 0
    board.trial.prepare(3)
    board.trial.begin()
    for turn in range(31):
        for name in "ab":
            if board.trial.state == RUNS:
                board.process(name).state = STATE_RUNNING
        if board.trial.state == RUNS:
            board.process("b").facts["syscalls"] = turn
        board.pass_time(0.1)
    assert board.trial.state == HUNG
    assert board.state() == before
