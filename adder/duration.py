"""How long something lasts, as a person types it: what all verbs take for a number of seconds."""

import re
from typing import Any

import click

HOUR = 3600
LONGEST = 30 * 24 * HOUR
"""Seconds that anything that ends by itself may last: a month, more than anybody waits for."""

_UNITS = {"": 1, "s": 1, "m": 60, "h": HOUR}
_TYPED = re.compile(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(s|m|h|)", re.ASCII)


class Duration(click.ParamType[float]):
    """`30s`, `2m`, `1h` or a number of seconds, from the least to the most of them."""

    name = "time"

    def __init__(self, least: float = 0, most: int = LONGEST) -> None:
        self.least = least
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):  # a default
            return value
        match = _TYPED.fullmatch(str(value).strip())
        seconds = float(match[1]) * _UNITS[match[2]] if match else -1
        if not self.least <= seconds <= self.most:
            self.fail(f"'{value}' is no time here; write `0.5`, `30s` or `2m`, {self._limits()}.", param, ctx)
        return seconds

    def _limits(self) -> str:
        most = "a month" if self.most > HOUR else "an hour"
        return f"{self.least:g} s at least and {most} at most" if self.least else f"{most} at most"
