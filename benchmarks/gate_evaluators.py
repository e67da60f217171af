"""`jenkins-ml gate` beside what others evaluate the same two files of predictions with, in turns; and whether all agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks import gate_runs
from benchmarks.figures import Result, Section, Table, number
from benchmarks.gate_runs import METRICS, Answer
from benchmarks.project import scratch

MOST_RATIO = 0.01  # of the CPU-seconds a row that TFX Model Analysis takes
TFMA_ROWS = 100_000
ROWS = 1_000_000
RESAMPLES = 100


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One way to evaluate.

    Args:
        name: as the tables call it.
        requirements: of its environment.
        script: of benchmarks/gate_peers, with its arguments after the files.
        more: further arguments.
        share: rows, as a share of those that most peers get.
        once: whether it takes too long to be repeated.
        most_ratio: the target for our CPU beside its.
    """

    name: str
    requirements: str
    script: str
    more: tuple[str, ...] = ()
    share: float = 1.0
    once: bool = False
    most_ratio: float | None = None


PEERS = (
    Peer(
        name="TFX Model Analysis",
        requirements="peers-tfma",
        script="tfma_evaluate.py",
        share=TFMA_ROWS / ROWS,
        most_ratio=MOST_RATIO,
    ),
    Peer(
        name="TFX Model Analysis with jackknife intervals",
        requirements="peers-tfma",
        script="tfma_evaluate.py",
        more=("jackknife",),
        share=TFMA_ROWS / ROWS,
        once=True,
        most_ratio=MOST_RATIO,
    ),
    Peer(name="scikit-learn", requirements="peers-scipy", script="scipy_evaluate.py"),
    Peer(
        name=f"scikit-learn, and scipy's paired bootstrap with {RESAMPLES} resamples",
        requirements="peers-scipy",
        script="scipy_evaluate.py",
        more=(str(RESAMPLES),),
        once=True,
    ),
    Peer(name="Evidently", requirements="peers-evidently", script="evidently_evaluate.py"),
)


@dataclass(frozen=True)
class Pair:
    """Ours and a peer's on the same files, one after the other."""

    ours: Answer
    peer: Answer


def measure(repeat: int, rows: int = ROWS) -> Section:
    """Each peer `repeat` times, ours right before it; what takes minutes only once."""
    with scratch() as place:
        folder = gate_runs.project(place / "project")
        files = {size: gate_runs.written(place, size) for size in {_rows(peer, rows) for peer in PEERS}}
        pairs: dict[Peer, list[Pair]] = {peer: [] for peer in PEERS}
        for turn in range(repeat):
            for peer in PEERS:
                if not (turn and peer.once):
                    print(f"gate-peers: repetition {turn + 1} of {repeat}, {peer.name}", flush=True)
                    at = files[_rows(peer, rows)]
                    pairs[peer].append(
                        Pair(
                            gate_runs.gate(folder, at),
                            gate_runs.peer(peer.requirements, peer.script, at, *peer.more),
                        )
                    )
    return Section(
        peer="peer",
        results=tuple(result for peer in PEERS for result in _results(peer, _rows(peer, rows), pairs[peer])),
        tables=(_agreement(pairs), *_intervals(pairs)),
    )


def _rows(peer: Peer, rows: int) -> int:
    return round(rows * peer.share)


def _results(peer: Peer, rows: int, pairs: list[Pair]) -> tuple[Result, ...]:
    def result(what: str, unit: str, name: str, scale: float = 1.0, **more: Any) -> Result:
        ours, theirs = (
            median(scale * getattr(answer.cost, name) for answer in answers)
            for answers in ([pair.ours for pair in pairs], [pair.peer for pair in pairs])
        )
        return Result(name=f"{rows} rows, {peer.name}: {what}", unit=unit, ours=ours, peer=theirs, **more)

    told = pairs[0].peer.told
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    note = f"{versions}; {number(told['started'])} CPU-s of the peer's are until it is loaded"
    if peer.once:
        note += "; measured once"
    return (
        result("CPU a row", "CPU-µs", "cpu", 1e6 / rows, most_ratio=peer.most_ratio, note=note),
        result("by the clock", "s", "wall"),
        result("largest memory", "MB", "peak"),
    )


def _agreement(pairs: Mapping[Peer, list[Pair]]) -> Table:
    """The largest distance of any value of any slice and model, by metric."""
    rows = []
    for peer, found in pairs.items():
        ours, theirs = found[0].ours.values, found[0].peer.values
        if missing := theirs.keys() - ours.keys():
            raise SystemExit(f"the gate says nothing about {sorted(missing)}")
        apart = {metric: max(abs(theirs[key] - ours[key]) for key in theirs if key[2] == metric) for metric in METRICS}
        rows.append((peer.name, str(len(theirs)), *(f"{apart[metric]:.1e}" for metric in METRICS)))
    return Table(
        title="How far the values of the peer and ours are apart, at most, over all slices and both models",
        columns=("peer", "values", *METRICS),
        rows=tuple(rows),
    )


def _intervals(pairs: Mapping[Peer, list[Pair]]) -> tuple[Table, ...]:
    """How wide the peer's intervals of the difference are, beside ours: the median over the slices."""
    rows = []
    for peer, found in pairs.items():
        ours, theirs = found[0].ours.widths, found[0].peer.widths
        if theirs:
            ratios = (
                median(theirs[key] / ours[key] for key in theirs.keys() & ours.keys() if key[1] == metric)
                for metric in METRICS
            )
            rows.append((peer.name, str(len(theirs)), *map(number, ratios)))
    if not rows:
        return ()
    title = (
        "Width of the peer's intervals of candidate - baseline, divided by that of ours: the median over the slices. Ours and "
        "scipy's hold 90 % between them, each end 95 %; those of TFX Model Analysis hold 95 %, so that 1.27 means alike"
    )
    return (Table(title=title, columns=("peer", "intervals", *METRICS), rows=tuple(rows)),)
