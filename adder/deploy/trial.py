"""Apps on trial: `adder install --trial`. The board decides (capsules/deploy/trial.py); here it is only waited for."""

import time

from adder.deploy.find import board
from adder.deploy.remote import PASSED, RUNS, VERDICTS
from adder.errors import AdderError

POLL = 0.5
"""Seconds of the host between two looks at a trial."""

SLOWEST = 10
"""Times as long as it should may a trial go on, since a simulated board's seconds are longer; and"""

MORE = 60
"""seconds, in which it is decided."""


def await_verdict(port: str | None, trial: int) -> int:
    """Wait until a trial of so many seconds is decided; what has become of it."""
    end = time.monotonic() + SLOWEST * trial + MORE
    while True:
        with board(port) as remote:  # a session each time: in one, others' output would be held back
            state, seconds = remote.verdict()
            if state != RUNS and not remote.is_on_trial():
                return state
        if time.monotonic() > end:
            raise AdderError(
                f"The board does not come to a verdict on a trial of {trial} s; `adder apps` shows its state."
            )
        time.sleep(max(POLL, min(seconds, trial) / 4))


def check_verdict(state: int, names: list[str]) -> None:
    """An error if it was not passed."""
    if not RUNS <= state < len(VERDICTS):
        raise AdderError(
            f"The board's verdict on {', '.join(names)} is {state}, which means nothing; see `adder apps`."
        )
    if state != PASSED:
        raise AdderError(f"{', '.join(names)}: {VERDICTS[state]}; what was there before is back.")
