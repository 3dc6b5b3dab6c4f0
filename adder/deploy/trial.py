"""Apps on trial: `adder install --trial`. The board decides (capsules/deploy/trial.py); here it is only waited for."""

import re
import time
from typing import Any

import click

from adder.deploy.find import board
from adder.deploy.remote import PASSED, RUNS, VERDICTS
from adder.errors import AdderError

LONGEST_TRIAL = 3600

POLL = 0.5
"""Seconds of the host between two looks at a trial."""

SLOWEST = 10
"""Times as long as it should may a trial go on, since a simulated board's seconds are longer; and"""

MORE = 60
"""seconds, in which it is decided."""


class Duration(click.ParamType[int]):
    """`30s`, `2m` or a number of seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d{1,6})(s|m|)", str(value).strip())
        seconds = int(match[1]) * (60 if match[2] == "m" else 1) if match else 0
        if not 1 <= seconds <= LONGEST_TRIAL:
            self.fail(f"'{value}' is no time for a trial; write `30s` or `2m`, an hour at most.", param, ctx)
        return seconds


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
