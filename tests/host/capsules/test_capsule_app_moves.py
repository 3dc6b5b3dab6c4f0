"""capsules/virtual/app_store.py, copy(): apps that do not run make room, wherever the power is cut."""

import random

import pytest
from app_flash import PAGE, Board, cut_board, program, walk
from hardware import PowerCut
from kernel import ErrorCode

from capsules.virtual.app_store import KEPT

SIZE = PAGE * 16


def with_holes() -> bytearray:
    """Apps a b c d e, of which b and d have gone, and the others are disabled but for e, which is kept."""
    data = bytearray(b"\xff" * SIZE)
    board = Board(data).booted()
    for name, size in (("a", 512), ("b", 1024), ("c", 1024), ("d", 512), ("e", 1536)):
        assert board.change(("install", program(name, size, enabled=False, fill=size))) == 0
    assert board.change(("drop", "b"), ("drop", "d"), ("keep", "e")) == 0
    return data


def starts(board: Board) -> dict[str, int]:
    """Where the apps lie."""
    board.look()
    return {board.bytes_of(app)[36:37].decode(): board.store.start_of(app) for app in range(board.store.apps())}


def test_an_app_that_does_not_run_moves_down_into_a_hole_and_the_rest_is_one_piece() -> None:
    data = with_holes()
    board = Board(data).booted()
    before = board.state()
    assert starts(board) == {"a": 0, "c": 1536, "e": 3072}
    assert board.change(("down", "c")) == 0
    assert starts(board) == {"a": 0, "c": 512, "e": 3072}
    board.begin()
    kept = next(app for app in range(board.store.apps()) if board.store.flags_of(app) & KEPT)
    assert board.copy(kept, True) == 0
    assert board.ask(board.store.commit(board.client)) == 0
    assert starts(board) == {"a": 0, "c": 512, "e": 1536}
    assert board.state() == before
    assert list(walk(data) or {}) == [0, 512, 1536]
    assert Board(data).booted().state() == before


def test_one_that_has_no_hole_below_says_so_and_can_move_to_the_end_and_back() -> None:
    data = with_holes()
    board = Board(data).booted()
    assert board.change(("install", program("f", 1024))) == 0  # at the end
    assert board.change(("install", program("g", 1024))) == 0  # there, too
    assert board.change(("install", program("h", 512))) == 0
    assert board.change(("install", program("i", 512))) == 0  # in the first hole, which is too small for c then
    before = starts(board)
    assert before["i"] == 512, before
    assert board.change(("down", "c")) == ErrorCode.NOMEM
    assert starts(board) == before
    assert board.change(("drop", "h")) == 0
    assert board.change(("up", "c")) == ErrorCode.NOMEM
    assert board.change(("drop", "g")) == 0
    assert board.change(("up", "c")) == 0
    assert starts(board)["c"] > starts(board)["e"]
    assert board.change(("down", "c")) == 0
    assert starts(board)["c"] == 1024


def test_one_that_runs_or_was_damaged_is_not_moved_and_one_that_was_stopped_stays_stopped() -> None:
    data = with_holes()
    board = Board(data).booted()
    assert board.change(("enable", "c")) == 0
    assert board.state()["c"][2]
    board.begin()
    assert board.store.copy(board.client, board.number("c"), True) == -ErrorCode.INVAL
    assert board.store.copy(board.client, 77, True) == -ErrorCode.INVAL
    assert board.ask(board.store.abort(board.client)) == ErrorCode.CANCEL
    assert board.store.end(board.number("c")) == 0
    assert board.change(("down", "c")) == 0
    assert starts(board)["c"] == 512
    assert not board.state()["c"][2], "it was stopped"
    assert Board(data).booted().state()["c"][2], "until the next boot"


def test_wherever_the_power_is_cut_a_moved_app_is_whole_and_there_once(long) -> None:
    flash = with_holes()
    steps = [("down", "c")]
    board = cut_board(bytearray(flash), 1 << 30, None)
    before = board.booted().state()
    assert board.change(*steps) == 0
    total = (1 << 30) - board.flash.cut
    seen = set()
    for half in (None, random.Random(7)):
        for cut in range(total):
            if not long and cut % 24 and cut < total - 40:
                continue
            data = bytearray(flash)
            with pytest.raises(PowerCut):
                cut_board(data, cut, half).booted().change(*steps)
            again = Board(data).booted()
            assert again.state() == before, cut
            place = starts(again)["c"]
            seen.add(place)
            assert set(walk(data) or {}) == set(starts(again).values()), cut
    assert seen == {512, 1536}


@pytest.fixture
def long(request) -> bool:
    """As in tests/conftest.py, without which this folder's tests are run as well."""
    return bool(request.config.getoption("--long", default=False))
