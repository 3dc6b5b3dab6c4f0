"""The stand-ins mean what the C side means, where capsules rely on it."""

import textwrap
import time

import pytest
from budget import CAPSULES, TICK_SECONDS, TimeOut
from cells import Buffer, TakeCell
from kernel import SUCCESS, Layout, Machine, ProcessId, Registers


def test_a_buffer_that_was_passed_on_raises_until_it_comes_back() -> None:
    buffer = Buffer(4)
    moved = buffer.move(1)
    with pytest.raises(RuntimeError):
        buffer[0] = 1
    moved[0] = 7
    assert moved.give_back() is buffer
    assert buffer[0] == 7
    with pytest.raises(RuntimeError):
        len(moved)


def test_a_buffer_has_at_most_eight_handles_and_a_borrower_gets_the_same_one_again() -> None:
    buffer = Buffer(1)
    first = buffer.move("borrower")
    first.give_back()
    assert buffer.move("borrower") is first
    first.give_back()
    for borrower in range(6):
        buffer.move(borrower).give_back()
    with pytest.raises(RuntimeError):
        buffer.move("one too many")


def test_a_handle_that_a_borrower_has_kept_is_void_while_another_has_the_buffer() -> None:
    buffer = Buffer(1)
    kept = buffer.move("first")
    kept.give_back()
    buffer.move("second")
    with pytest.raises(RuntimeError):
        kept[0] = 1


def test_a_window_cannot_be_wider_than_its_owners() -> None:
    buffer = Buffer(8)
    buffer.window(2, 6)
    moved = buffer.move(1)
    moved.window(1, 3)
    moved[0] = 9
    with pytest.raises(IndexError):
        moved.window(0, 5)
    moved.give_back()
    buffer.window(0, 8)
    assert buffer[3] == 9


def test_copy_stops_at_the_shorter_buffer() -> None:
    buffer = Buffer(4)
    assert buffer.copy(2, b"abcdef", 1, 6) == 2
    assert [buffer[i] for i in range(4)] == [0, 0, ord("b"), ord("c")]


def test_a_take_cell_is_empty_while_its_value_is_used_and_full_again_after_an_exception() -> None:
    cell = TakeCell(3)
    assert cell.map(lambda value: (value, cell.is_none())) == (3, True)
    with pytest.raises(ZeroDivisionError):
        cell.map(lambda value: value / 0)
    assert cell.take() == 3
    assert cell.map_or(5, lambda value: value) == 5


def test_a_view_of_a_dead_process_is_empty_and_its_fields_raise(machine) -> None:
    app = machine.process()
    grant = machine.grant(9, Layout(read_write=1, u32=1))
    machine.serve(grant, lambda *_: 1)
    memory = app.allow_read_write(9, 0, 4)
    entry = grant.enter(ProcessId(app))
    view = entry.read_write(0)
    view[1] = 0x1FF
    entry[0] = -1
    assert (memory[1], entry[0], len(view)) == (0xFF, 0xFFFFFFFF, 4)
    app.restart()
    assert (len(view), bool(view), view.write_u32(0, 1)) == (0, False, False)
    assert grant.entry(0) is None
    with pytest.raises(RuntimeError):
        _ = entry[0]
    app.restart()
    with pytest.raises(IndexError):
        grant.enter(ProcessId(app))[1] = 1


def test_a_field_keeps_the_registers_other_bits_and_protected_ones_cannot_be_written() -> None:
    registers = Registers(protected=(8,))
    registers.words[4] = 0xF0
    registers.field(4, 0, 2)(7)
    assert registers.words[4] == 0xF3
    assert registers.field(4, 4, 4, True)() == 0
    assert registers.field(4, 4, 4).read() == 15
    assert registers.field(8, 0, 1).read() == 0
    with pytest.raises(TypeError):
        registers.field(4, 0, 2).read(1)
    with pytest.raises(ValueError, match="protected"):
        registers.field(8, 0, 1)(1)
    with pytest.raises(ValueError, match="no register"):
        registers.read(0x1000)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("while True: number += 1", TimeOut),
        ("while True:\n    try: self.again()\n    except Exception: pass", TimeOut),
        ("for number in self.for_ever(): pass", TimeOut),
        ("taken = []\nwhile True: taken.append(bytearray(1 << 20))", MemoryError),
        ("taken = [0]\nwhile True: taken.extend(taken)", MemoryError),
    ],
)
def test_a_capsule_that_does_not_end_or_takes_all_memory_is_stopped_and_the_next_call_is_served(body, error) -> None:
    text = f"""
class Greedy:
    def again(self):
        raise ValueError

    def for_ever(self):
        while True:
            yield 0

    def command(self, number, first, second, process):
        if number:
{textwrap.indent(body, " " * 12)}
        return SUCCESS
"""
    names = {"SUCCESS": SUCCESS}
    exec(compile(text, f"{CAPSULES}sensors/greedy.py", "exec"), names)
    machine = Machine()
    machine.serve(machine.grant(0x70000, Layout()), names["Greedy"]().command)
    app = machine.process()
    with pytest.raises(error) as caught:
        app.command(0x70000, 1)
    if error is TimeOut:
        assert "capsules/sensors/greedy.py: Greedy.command does not come to an end" in str(caught.value)
    assert app.command(0x70000, 0) == ()


def test_many_calls_that_each_end_take_as_long_as_they_want() -> None:
    names: dict[str, object] = {}
    exec(compile("def short():\n    for _ in range(100): pass", f"{CAPSULES}sensors/short.py", "exec"), names)
    begun = time.process_time()
    while time.process_time() - begun < 3 * TICK_SECONDS:
        names["short"]()
