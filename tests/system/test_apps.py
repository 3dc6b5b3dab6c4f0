"""Apps run beside each other on capsules written in Python."""

import re

import pytest


def test_apps_run_in_parallel(simulation) -> None:
    with simulation("hello", "blink", "ping", "pong", "float", "spin") as board:
        for line in (r"hello: hello, 5 of 5", r"float: \d+ rounds, no register lost", r"ping: \d+ round trips"):
            board.expect(line, timeout=30)
        assert "lost register" not in board.transcript


def test_the_system_call_interface_holds_fact_by_fact(simulation) -> None:
    with simulation("abi") as board:
        board.expect(r"abi: (ok, \d+ facts|FAIL)", timeout=30)
        assert "FAIL" not in board.transcript


def test_however_much_others_ask_of_all_drivers_an_app_has_its_alarms_its_console_and_a_new_life(simulation) -> None:
    """Records lie in the processes' memory, but what Python holds of them in the kernel's: each has its share."""
    with simulation("exits-restart", *(f"touch-{number}" for number in range(1, 15)), "clock-py") as board:
        board.expect(r"clock 00:00:03", timeout=60)
        lives = board.transcript.count("exits: restart 3")
        board.expect(r"clock 00:00:05", timeout=60)
        assert board.transcript.count("exits: restart 3") > lives + 4
        assert "no memory left to start it" not in board.transcript


def test_floating_point_registers_survive_preemption(simulation) -> None:
    with simulation("float", "float2", "spin") as board:
        for app in ("float", "float2", "float", "float2"):
            board.expect(rf"^{app}: \d+ rounds, no register lost", timeout=30)


def test_a_spinning_app_delays_an_alarm_by_no_more_than_a_slice(simulation) -> None:
    with simulation("lateness", "spin") as board:
        found = board.expect(r"lateness: 200 alarms, (\d+) early, at most (\d+) us late", timeout=30)
    early, late = int(found[1]), int(found[2])
    assert early == 0
    assert late < 11_000  # a slice is 10 ms; the rest is the kernel's own latency


def test_alarms_are_right_across_the_wrap_of_the_hardware_counter(simulation) -> None:
    # 40 alarms of up to 60 s: the 24-bit counter, 97,656 ticks a second, wraps every 172 s.
    with simulation("lateness-long") as board:
        found = board.expect(r"lateness: 40 alarms, (\d+) early, at most (\d+) us", timeout=3000)
    assert int(found[1]) == 0
    assert int(found[2]) < 2_000


def test_leds_are_driven(simulation) -> None:
    with simulation("blink") as board:
        board.expect(r"blink: 2 LEDs")
        seen = set()
        for _ in range(200):
            seen.add(board.read_word(0x40028000) & 3)  # FPGAIO LED0
            if len(seen) == 4:
                break
            board.run(0.05)
        assert seen == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("app", "pattern"), [("exits-terminate", "terminate"), ("exits-return", "return"), ("exits-restart", "restart")]
)
def test_an_app_exits_as_it_says(simulation, app, pattern) -> None:
    with simulation(app, "hello") as board:
        board.expect(r"hello: hello, 3 of 5", timeout=20)
        starts = len(re.findall(rf"^exits: {pattern}", board.transcript, re.MULTILINE))
    assert starts > 3 if app == "exits-restart" else starts == 1


def test_memory_runs_out_for_the_app_that_asks_and_for_nobody_else(simulation) -> None:
    with simulation("hog", "hello") as board:
        board.expect(r"hog: got (\d+) bytes, gave them back \(round 3\)", timeout=20)
        board.expect(r"hello: hello, 5 of 5", timeout=20)


def test_programs_linked_at_fixed_addresses_run_there(simulation) -> None:
    with simulation("hello-fixed", "blink-fixed") as board:
        board.expect(r"app hello-fixed: slot 0, flash 0x21040000-\w+, RAM 0x20030000-")
        board.expect(r"app blink-fixed: slot 1, flash 0x21044000-\w+, RAM 0x20034000-")
        board.expect(r"hello-fixed: hello, 2 of 5", timeout=20)


def test_the_kernels_heap_is_untouched_by_20000_calls(simulation, kernel_symbols) -> None:
    with simulation("steady") as board:
        board.expect(r"steady: begin")
        counter = board.read_word(kernel_symbols["kernel_heap_bytes_allocated_ptr"].address)
        before = board.read_word(counter)
        board.expect(r"steady: end, \d+ calls, 0 surprises", timeout=100)
        board.stop()
        assert board.read_word(counter) == before
        assert before > 100  # the counter does count: the records of one process, if the build has wired the kernel


def test_the_image_survives_a_power_cut(simulation) -> None:
    board = simulation("hello", "blink")
    with board:
        board.expect(r"hello: hello, 1 of 5")
        board.kill()
    with board:
        board.expect_all(r"app blink: slot 1", r"hello: hello, 1 of 5", timeout=20)


def test_an_app_that_spins_after_everybody_slept_is_preempted_too(simulation, python_app) -> None:
    # The tick stops while nobody runs. It was not started again for the process that had slept last.
    sleeper = python_app(
        "import time\ntime.sleep_ms(1500)\nprint('spinning soon')\ntime.sleep_ms(50)\nwhile True:\n    pass",
        name="sleeper",
    )
    with simulation("hello", sleeper) as board:
        board.expect("spinning soon", timeout=20)
        board.expect("hello: hello, 5 of 5", timeout=20)
