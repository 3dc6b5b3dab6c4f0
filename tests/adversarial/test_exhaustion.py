"""Time, stack or memory of one capsule run out, at each single point of its calls into what capsules share.

The guilty one (exhausted/guilty.py) uses all that QEMU's board shares among capsules: each function that is wrapped by
kernel.shared, found in the sources. Beside it the witness goes through all drivers, round after round. The finished
kernel (injector.py) stops at each instruction of machine code, and where C can raise, that is on the guilty one's
account; there its time is over, or the memory, or its call begins with that much less of a stack. Then all must be as
if nothing had been: the witness's rounds go on, nothing is refused, nobody else has failed.

And shared code runs out of its own: in the hardware's interrupts, and in deferred calls.
"""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from cortex import R0
from fuzzing import record
from injector import WORKERS, Outcome, Scene, shared_functions, sweep, write_board
from kernels import build_board

from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app_file

APPS = ("witness", "lends")
SAMPLE = 97  # each so-manieth point in `make test`, besides the first and the last of each function
OWN_SAMPLE = 400

ELSEWHERE = {
    "Clock": "the nRF52840's; tests/host/capsules/test_cut_short_in_core.py",
    "Gpiote": "the nRF52840's; tests/host/capsules/test_nrf52_chip.py",
}
OF_ONE = {"AlarmMux._set_process_client": "programs' alarms are the alarm driver's, and would go off no more"}


@pytest.fixture(scope="session")
def exhausted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The kernel with the guilty one, and the flash with the apps."""
    image = FlashImage(tmp_path_factory.mktemp("exhausted") / "flash.img")
    image.install([read_app_file(ROOT / "build" / "apps" / f"{app}.tbf") for app in APPS], only=True)
    return build_board("exhausted", write_board), image.path.read_bytes()[:0x100000]


def swept(kernel: Path, flash: bytes, step: int, bare: bool = False, own: bool = False) -> list[Outcome]:
    with ProcessPoolExecutor(WORKERS) as pool:
        shares = [pool.submit(sweep, kernel, flash, worker, step, bare, own) for worker in range(WORKERS)]
        return [outcome for share in shares for outcome in share.result()[1]]


@pytest.mark.timeout(7200)
def test_whatever_one_capsule_exhausts_and_wherever_all_others_go_on(exhausted: tuple[Path, bytes], long: bool) -> None:
    outcomes = swept(*exhausted, 1 if long else SAMPLE)
    dead = [outcome for outcome in outcomes if outcome.dead]
    if long:
        record("injector", injector_points=len(outcomes), dead_witnesses=len(dead))
    assert not dead, "\n".join(f"{o.point.what} {o.point.n} in {o.place}: {o.dead}" for o in dead[:40])
    # Not in vain: most time-outs end the guilty one's call, and so does a stack that is too small.
    for what in ("time", "stack", "frames"):
        assert any(outcome.failures for outcome in outcomes if outcome.point.what == what), what


@pytest.mark.timeout(7200)
def test_what_shared_code_exhausts_of_its_own_its_next_call_repairs(exhausted: tuple[Path, bytes], long: bool) -> None:
    """The UART's interrupt, the alarm's, deferred calls: a handler is called again, and finds what it had begun."""
    outcomes = swept(*exhausted, 1 if long else OWN_SAMPLE, own=True)
    dead = [outcome for outcome in outcomes if outcome.dead]
    if long:
        record("injector on shared code's own account", injector_points=len(outcomes), dead_witnesses=len(dead))
    assert not dead, "\n".join(f"{o.point.what} {o.point.n} in {o.place}: {o.dead}" for o in dead[:60])
    failed = {name for outcome in outcomes for name in outcome.failures}
    assert {"uart", "line", "timer"} <= failed, failed


def called(scene: Scene) -> set[str]:
    """The functions behind the wrappers that the guilty one calls in its turn, as the build names them."""
    names = {symbol.address & ~1: symbol.name for symbol in scene.symbols if symbol.name.startswith("fun_data_")}
    board, found = scene.board, set()

    def calls(*_: object) -> None:
        if scene.account() == scene.owner:
            method = board.word(board.machine.reg_read(R0) + 4)  # kernel/contain.c, shared_t; then py/objboundmeth.c
            function = board.word(method + 4)
            found.add(names[board.word(function + 12) & ~1])  # py/objfun.h, mp_obj_fun_bc_t

    board.hook(calls, scene.symbols["shared_call"].address & ~1)
    board.machine.ctl_flush_tb()  # what has been translated has no such hook
    scene.points()
    return found


def test_the_guilty_one_uses_each_function_that_any_capsule_shares(exhausted: tuple[Path, bytes]) -> None:
    found = called(Scene(*exhausted))
    wanted = {name for name in shared_functions() - set(OF_ONE) if name.split(".")[0] not in ELSEWHERE}
    assert len(wanted) > 30
    missing = {name for name in wanted if not any(one.endswith(f"_{name.replace('.', '_')}") for one in found)}
    assert not missing, "exhausted/guilty.py does not use these"


def test_without_the_wrappers_the_same_search_finds_dead_witnesses(exhausted: tuple[Path, bytes]) -> None:
    """What the search is worth: shared code, called as if it were the guilty one's own, runs out of the caller's stack.

    Time-outs in there find nothing any more: each next call repairs what they leave.
    """
    dead = [outcome for outcome in swept(*exhausted, 4 * SAMPLE, bare=True) if outcome.dead]
    assert len({outcome.point for outcome in dead}) > 1
