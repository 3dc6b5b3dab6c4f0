"""capsules/parts/: what multiplexers, drivers and capsules that serve processes in turn are made of."""

from random import Random

import pytest
from cells import Buffer
from kernel import ErrorCode, Layout, ProcessId, run_deferred

from capsules.parts.lent import give_back, is_good, take_back
from capsules.parts.process_queue import DONE, ProcessQueue
from capsules.parts.turns import NOBODY, Turns

DRIVER = 0x99
FIELD = 1


class Bench:
    """Hardware that does one thing at a time, and users who want it again as soon as they are told."""

    def __init__(self, users: int, greedy: set[int]) -> None:
        self.turns = Turns(self.begin, self.tell)
        self.users = [self.turns.new_user() for _ in range(users)]
        self.greedy = greedy
        self.begun: list[int] = []
        self.told: list[tuple[int, int]] = []
        self.refuse = 0
        self.again = 0  # how often `begin` is called for what is under way

    def begin(self, index: int) -> int:
        if self.refuse:
            return self.refuse
        self.begun.append(index)
        return 0

    def tell(self, index: int, status: int) -> None:
        self.told.append((index, status))
        if index in self.greedy:
            self.turns.wait(index)


def test_of_any_number_of_users_each_has_its_turn_before_one_that_has_just_had_it() -> None:
    bench = Bench(5, {0, 1, 4})
    for index in (4, 1, 0):
        bench.turns.wait(index)
    for _ in range(30):
        run_deferred()
        bench.turns.over(0)
    assert bench.begun[:3] == [1, 4, 0]
    assert all(bench.begun.count(index) == 10 for index in (0, 1, 4))
    assert bench.told[:3] == [(1, 0), (4, 0), (0, 0)]


def test_a_user_for_whom_the_turns_are_kept_is_alone_until_they_are_everybodys_again() -> None:
    bench = Bench(3, {0, 1, 2})
    for index in bench.users:
        bench.turns.wait(index)
    bench.turns.keep_for(2)
    for _ in range(4):
        run_deferred()
        bench.turns.over(0)
    bench.turns.keep_for(NOBODY)
    for _ in range(3):
        run_deferred()
        bench.turns.over(0)
    assert bench.begun == [2, 2, 2, 2, 0, 1, 2]


def test_what_the_hardware_refuses_is_told_to_whose_turn_it_was_and_the_next_one_has_its() -> None:
    bench = Bench(2, set())
    bench.refuse = ErrorCode.FAIL
    bench.turns.wait(0)
    bench.turns.wait(1)
    run_deferred()
    assert bench.told == [(1, ErrorCode.FAIL), (0, ErrorCode.FAIL)]
    bench.turns.over(0)  # from nowhere
    run_deferred()
    assert len(bench.told) == 2


def test_a_handle_is_given_back_once_however_often_that_is_asked_for() -> None:
    mine = Buffer(4)
    lent = mine.move(object())
    assert is_good(lent)
    assert not is_good(mine)
    assert not is_good(None)
    assert take_back(lent, mine)
    assert is_good(mine)
    give_back(lent)
    give_back(None)
    passed_on = mine.move(object())
    assert not take_back(lent, mine)
    assert is_good(passed_on)


@pytest.mark.parametrize("seed", range(5))
def test_in_a_queue_of_processes_each_is_answered_once_and_nobody_is_passed_over_twice(machine, seed) -> None:
    random = Random(seed)
    grant = machine.grant(DRIVER, Layout(1, 0, 0, u32=2))
    log: list[tuple[object, int]] = []

    def begin(entry, what: int) -> int:
        if what == 1:
            log.append((entry, what))
            return 0
        entry[FIELD] = 0
        if what == 2:
            answered.append((entry, DONE))
            return DONE
        return ErrorCode.FAIL

    answered: list[tuple[object, int]] = []

    def answer(entry, status: int) -> None:
        entry[FIELD] = 0
        answered.append((entry, status))

    queue = ProcessQueue(grant, FIELD, begin, answer)
    processes = [machine.process() for _ in range(4)]
    entries = {process.slot: grant.enter(ProcessId(process)) for process in processes}
    passed = dict.fromkeys(entries, 0)
    asked = refused = 0
    for _ in range(300):
        slot = random.choice(list(entries))
        entry = entries[slot]
        if not entry[FIELD]:
            asked += 1
            passed[slot] = 0
            refused += queue.ask(entry, slot, random.choice((1, 1, 1, 2, 3))) != 0
        if random.random() < 0.5:
            before = len(log)
            over = queue.over()
            if over is not None:
                answer(over, 0)
            queue.go_on()
            for begun, _ in log[before:]:
                for other, record in entries.items():
                    if record[FIELD] and record is not begun:
                        passed[other] += 1
                        assert passed[other] < len(entries)
    while (over := queue.over()) is not None:
        answer(over, 0)
        queue.go_on()
    assert len(answered) + refused == asked
    assert not any(entry[FIELD] for entry in entries.values())
