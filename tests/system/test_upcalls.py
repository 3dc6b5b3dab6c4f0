"""Upcalls: the answer to a command is never lost, whatever else is queued."""


def test_no_answer_is_lost_however_full_the_queue_is(simulation) -> None:
    with simulation("flood") as board:
        found = board.expect(r"flood: (\d+) answers waited for, (\d+) called; (\d+) events dropped\r?$", timeout=30)
        board.expect(r"flood: each once, (\d+) alarms, then busy")
    assert (int(found[1]), int(found[2])) == (6, 6)
    assert int(found[3]) == 1  # twelve alarms: ten in the queue, one in its place, which the next one takes


def test_edges_of_a_pin_leave_room_for_the_answer_to_print_and_are_counted_when_dropped(simulation) -> None:
    with simulation("flood-edges") as board:
        board.expect("edges: ready")
        acknowledged = board.pin(1)
        for edge in range(14):
            board.set_pin(0, (edge + 1) & 1)
            before = acknowledged
            assert board.run_until(lambda before=before: board.pin(1) != before, 5)
            acknowledged = board.pin(1)
        board.expect("edges: one[\\s\\S]*edges: two", timeout=30)
        found = board.expect(r"edges: (\d+) of 14 told, (\d+) dropped\r?$")
    assert int(found[1]) >= 10
    assert int(found[1]) + int(found[2]) == 14


def test_a_python_app_prints_and_asks_while_its_queue_is_full(simulation, python_app) -> None:
    app = python_app(
        """
import syscall
from adder import rng

def fill():
    for _ in range(12):
        syscall.command(0, 5, 0)

for number in range(3):
    fill()
    print("printed", number)
    fill()
    print("got", len(rng.read(5)))
""",
        ram='"16K"',
        permissions='["alarm", "console", "rng"]',
    )
    with simulation(app) as board:
        for number in range(3):
            board.expect(f"printed {number}", timeout=30)
            board.expect("got 5")
