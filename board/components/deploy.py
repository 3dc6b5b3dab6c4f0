"""Tockloader's and adder's protocol on the console's line."""

from cells import Buffer
from kernel import ProcessControl
from micropython import const

from capsules.deploy.deploy import FRAME, HEAD, OUT, PATTERN, PIECE, SECONDS, Deploy
from capsules.deploy.trial import Trial
from capsules.hil.time import Alarm
from capsules.virtual.app_store import AppStore
from capsules.virtual.console_sessions import ConsoleSessions

_BLOCK = const(256)


def deploy(
    sessions: ConsoleSessions,
    store: AppStore,
    processes: ProcessControl,
    alarms: "tuple[Alarm, Alarm]",
    board: bytes,
) -> Deploy:
    """Wire the protocol; `board` is what tockloader calls the board."""
    return Deploy(
        sessions.new_line(PATTERN, SECONDS),
        store,
        processes,
        (Buffer(_BLOCK), Buffer(FRAME), Buffer(OUT), Buffer(PIECE), Buffer(HEAD)),
        (b"board", board, b"arch", b"cortex-m4", b"appaddr", b"0x00100000"),
        alarms[0],
        (Trial(store, processes, alarms[1]), sessions.words),
    )
