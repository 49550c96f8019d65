"""Attack the readers, seeded and resumable: python -m tests.hostile.sweep --cases 100000.

Attacks that leave checksums alone share one half of the cases, those that make them right the other; all
truncations come on top. Findings are kept as files. Progress is in `runs/hostile`; `--write` adds a row for
each attack to `benchmarks/results/hostile.jsonl`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks.provenance import RESULTS, provenance
from tests.hostile.attacks import ATTACKS, SEALED, TRUNCATED, UNSEALED, case, num_truncations, truncation
from tests.hostile.readers import READERS, mended

ROOT = Path(__file__).parents[2]
FOUND = Path(__file__).with_name("found")
PROGRESS = ROOT / "runs" / "hostile"
_BLOCK = 100  # cases between two notes of progress
_ROUNDS = 5  # every attack has a share of its cases behind it when the others go on


@dataclass
class Tally:
    """What became of the cases of an attack on a reader."""

    reader: str
    attack: str
    done: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    most_bytes: int = 0
    findings: dict[str, str] = field(default_factory=dict)

    def add(self, number: int, seconds: float, size: int, verdict: str) -> None:
        """Count a case."""
        self.done = number + 1
        self.slowest_s = max(self.slowest_s, seconds)
        self.most_bytes = max(self.most_bytes, size)
        if verdict == "other" and self.attack not in SEALED:
            verdict = "FINDING decodes to something else behind wrong checksums"
        if verdict.startswith("FINDING"):
            self.findings[str(number)] = verdict
            verdict = "FINDING"
        self.verdicts[verdict] += 1

    def row(self) -> dict[str, object]:
        """Return the attack's row of results."""
        refused = {k.split()[1]: v for k, v in sorted(self.verdicts.items()) if k.startswith("refused")}
        return {
            "reader": self.reader,
            "attack": self.attack,
            "cases": self.done,
            "refused": sum(refused.values()),
            "same": self.verdicts["same"],
            "other_valid": self.verdicts["other"],
            "anything_else": self.verdicts["FINDING"],
            "errors": refused,
            "slowest_s": round(self.slowest_s, 3),
            "peak_mb": round(self.most_bytes / 1e6, 1),
        }


Judgement = tuple[int, float, int, str]


def judged(
    reader: str, counts: dict[str, int], done: dict[str, int] | None = None
) -> Iterator[tuple[str, Judgement]]:
    """Judge cases of each attack, from those on that are done, in a process of its own.

    Where the process ends too early, the case that it was at is a finding, and another goes on behind it.
    """
    left = {attack: ((done or {}).get(attack, 0), count) for attack, count in counts.items()}
    while left := {attack: span for attack, span in left.items() if span[0] < span[1]}:
        jobs = [str(word) for attack, span in left.items() for word in (attack, *span)]
        command = [sys.executable, "-m", "tests.hostile.child", reader, *jobs]
        has_started = False
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                attack, number, seconds, size, verdict = line.rstrip("\n").split("\t")
                has_started = True
                left[attack] = (int(number) + 1, counts[attack])
                yield attack, (int(number), float(seconds), int(size), verdict)
        if process.returncode == 0:
            return
        if process.returncode > 0 and not has_started:
            raise RuntimeError(f"the process that reads as {reader} doesn't start")
        attack = next(attack for attack, (first, stop) in left.items() if first < stop)
        first, stop = left[attack]
        yield attack, (first, 0.0, 0, f"FINDING the process ended with {process.returncode}")
        left[attack] = (first + 1, stop)


def bytes_of(attack: str, number: int) -> bytes:
    """Return a case's bytes as a reader got them."""
    data = (truncation(number) if attack == TRUNCATED else case(attack, number))[1]
    try:
        return mended(data) if attack in SEALED else data
    except Exception:  # noqa: BLE001  it is kept because something like this happened
        return data


class Sweep:
    """Tallies of a reader, kept on disk.

    Parameters
    ----------
    reader
        One of `READERS`.
    """

    def __init__(self, reader: str) -> None:
        self.reader = reader
        self.tallies: dict[str, Tally] = {}
        for attack in (*ATTACKS, TRUNCATED):
            tally = Tally(reader, attack)
            if self._path(attack).exists():
                tally = Tally(**json.loads(self._path(attack).read_text()))
                tally.verdicts = Counter(tally.verdicts)
            self.tallies[attack] = tally

    def _path(self, attack: str) -> Path:
        return PROGRESS / f"{name_of(self.reader, attack)}.json"

    def run(self, counts: dict[str, int]) -> None:
        """Judge the first cases of each attack, from where the last run was."""
        PROGRESS.mkdir(parents=True, exist_ok=True)
        done = {attack: self.tallies[attack].done for attack in counts}
        for attack, judgement in judged(self.reader, counts, done):
            tally = self.tallies[attack]
            tally.add(*judgement)
            if tally.done % _BLOCK == 0 or tally.done == counts[attack]:
                self._path(attack).write_text(json.dumps(vars(tally)))


def name_of(*words: object) -> str:
    """Return a file name that holds words."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", str(word).lower()).strip("-") for word in words)


@click.command()
@click.option("--cases", type=click.IntRange(min=1), default=100_000, show_default=True, help="In all.")
@click.option("--reader", type=click.Choice(list(READERS)), default="decoder", show_default=True)
@click.option("--attack", "only", multiple=True, help="Not all: this one. Repeat it for more.")
@click.option("--write", is_flag=True, help="Add the rows to benchmarks/results/hostile.jsonl.")
def main(cases: int, reader: str, only: tuple[str, ...], write: bool) -> None:
    """Attack a reader; keep every finding."""
    counts = {attack: -(-cases // 2 // len(kind)) for kind in (UNSEALED, SEALED) for attack in kind}
    counts[TRUNCATED] = num_truncations()
    counts = {attack: count for attack, count in counts.items() if not only or attack in only}
    sweep = Sweep(reader)
    for part in range(1, _ROUNDS + 1):
        sweep.run({attack: count * part // _ROUNDS for attack, count in counts.items()})
    source = provenance() | {"command": f"python -m tests.hostile.sweep --cases {cases} --reader '{reader}'"}
    for tally in (sweep.tallies[attack] for attack in counts):
        for number, verdict in tally.findings.items():
            name = name_of(reader, tally.attack, number)
            FOUND.mkdir(exist_ok=True)
            (FOUND / f"{name}.hgs").write_bytes(bytes_of(tally.attack, int(number)))
            click.echo(f"{name}: {verdict}")
        click.echo(json.dumps(tally.row()))
        if write:
            with (RESULTS / "hostile.jsonl").open("a") as stream:
                stream.write(json.dumps(tally.row() | source) + "\n")


if __name__ == "__main__":
    main()
