"""The simulated board's port has a name that others find: whoever comes first, however it ends, however many start."""

import multiprocessing
import os
import signal
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest

from adder.deploy import find
from adder.run.port import PORT_NAME, find_published, published

ROUNDS = 20


def come_and_go(folder: Path, start: Barrier, number: int) -> None:
    for _ in range(ROUNDS):
        start.wait()
        with published(folder, f"/dev/pts/{number}"):
            pass


def hold(folder: Path, there: Event) -> None:
    with published(folder, "/dev/null"):
        there.set()
        signal.pause()


def run(folder: Path) -> multiprocessing.Process:
    there = multiprocessing.Event()
    process = multiprocessing.Process(target=hold, args=(folder, there))
    process.start()
    assert there.wait(20)
    return process


def test_simulations_that_start_at_once_do_not_hinder_each_other(tmp_path: Path) -> None:
    start = multiprocessing.Barrier(3)
    them = [multiprocessing.Process(target=come_and_go, args=(tmp_path, start, number)) for number in range(3)]
    for one in them:
        one.start()
    for one in them:
        one.join(60)
    assert [one.exitcode for one in them] == [0, 0, 0]
    assert not os.path.lexists(tmp_path / PORT_NAME)


def test_the_first_one_keeps_its_name(tmp_path: Path) -> None:
    with published(tmp_path, "/dev/null"), published(tmp_path, "/dev/zero"):
        assert os.readlink(tmp_path / PORT_NAME) == "/dev/null"
        assert find_published(tmp_path) == tmp_path / PORT_NAME
    assert find_published(tmp_path) is None


def test_the_port_of_a_simulation_that_was_killed_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pseudo-terminal may be somebody's shell by now."""
    folder = tmp_path / "build" / "qemu"
    folder.mkdir(parents=True)
    monkeypatch.setattr(find, "ROOT", tmp_path)
    process = run(folder)
    assert find.simulations() == [str(folder / PORT_NAME)]
    process.kill()
    process.join()
    assert (folder / PORT_NAME).exists()
    assert find.simulations() == []
    with published(folder, "/dev/zero"):
        assert find.simulations() == [str(folder / PORT_NAME)]
        assert os.readlink(folder / PORT_NAME) == "/dev/zero"


def test_a_look_at_the_name_takes_it_from_nobody(tmp_path: Path) -> None:
    (tmp_path / PORT_NAME).symlink_to("/dev/null")  # or nobody would have to look
    stop = multiprocessing.Event()

    def look() -> None:
        while not stop.wait(0.001):
            find_published(tmp_path)

    looker = multiprocessing.Process(target=look)
    looker.start()
    for _ in range(ROUNDS):
        with published(tmp_path, "/dev/zero"):
            assert os.readlink(tmp_path / PORT_NAME) == "/dev/zero"
        (tmp_path / PORT_NAME).symlink_to("/dev/null")
    stop.set()
    looker.join()


def test_without_a_folder_there_is_no_name(tmp_path: Path) -> None:
    with published(tmp_path / "none", "/dev/null"):
        assert find_published(tmp_path / "none") is None
