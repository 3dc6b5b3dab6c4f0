"""The rules of Capsule Python, as rules.toml writes them: an id, once given, keeps its meaning."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Rule:
    """One rule: what is wrong, why it is refused, what to write instead, and an example that it refuses."""

    id: str
    title: str
    reason: str
    remedy: str
    example: str


def _read() -> dict[str, Rule]:
    rules = tomllib.loads((Path(__file__).parent / "rules.toml").read_text())
    return {name: Rule(name, **texts) for name, texts in rules.items()}


RULES = _read()
