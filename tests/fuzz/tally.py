"""What a run of the fuzzer has done and found."""

from dataclasses import dataclass, field


@dataclass
class Tally:
    """`programs` are capsules that were accepted, wired and called; `refused` counts modules."""

    programs: int = 0
    refused: int = 0
    calls: int = 0
    failures: int = 0
    points: int = 0
    findings: list[dict[str, object]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take another's numbers in."""
        self.programs += other.programs
        self.refused += other.refused
        self.calls += other.calls
        self.failures += other.failures
        self.points += other.points
        self.findings += other.findings
