"""How often drift is seen where there is none, and missed where there is some; ours beside three others on the same questions.

Rows are normal numbers. Ours are drawn as counts by cell, which is the same as drawing the rows and counting them, and lets a
million rows be drawn ten thousand times.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np

from benchmarks.environments import installed, variables
from benchmarks.figures import Result, Section, Table
from benchmarks.machine import ROOT
from benchmarks.processes import output
from jenkins_ml.config.drift import Drift
from jenkins_ml.core.drift import columns
from jenkins_ml.core.drift.findings import SHARE, Chapter, compared
from jenkins_ml.core.drift.moved import Counted, log_evidence
from jenkins_ml.core.drift.reference import Reference
from jenkins_ml.core.drift.summary import summarised
from jenkins_ml.records import ColumnSummary, Summary

SEED = 20_261_127
DEFAULT = Drift()
FIRST, LAST, LOOKS = 100, 1_000_000, 13  # rows at the first and the last of the looks at one version
FEATURES = 50
REFERENCES = (1_000, 5_000, 20_000, 100_000)  # rows of the evaluation split
SHIFT, ROWS = 0.2, 5_000
SMALL = 0.02  # standard deviations: 0.8 % of the values move, well within the tolerance
TIMED = 100_000
PEERS = (
    ("Evidently", "peers-evidently", "evidently_drift.py"),
    ("NannyML", "peers-nannyml", "nannyml_drift.py"),
    ("alibi-detect", "peers-alibi", "alibi_drift.py"),
)
_PEER_FEATURES, _PEER_REFERENCE = 10, 20_000
_PEER_TRIALS = 20
_HOUR = 3600.0
_QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "PYTHONWARNINGS": "ignore"}  # nothing is sent anywhere


@dataclass(frozen=True)
class Question:
    """What is asked of everybody: rows of columns that have moved by so many standard deviations."""

    name: str
    features: int
    rows: int
    shift: float


QUESTIONS = (
    Question("nothing has moved, 100 rows", _PEER_FEATURES, 100, 0.0),
    Question("nothing has moved, 1,000 rows", _PEER_FEATURES, 1_000, 0.0),
    Question("nothing has moved, 10,000 rows", _PEER_FEATURES, 10_000, 0.0),
    Question(f"moved by {SMALL}, 100,000 rows", 1, 100_000, SMALL),
    Question(f"moved by {SHIFT}, {ROWS:,} rows", 1, ROWS, SHIFT),
)


def measure(repeat: int) -> Section:
    """Rates of `repeat` versions each; the peers get fewer, since they take longer."""
    print("drift: false alarms", flush=True)
    moved_most = _shift_of(DEFAULT.tolerance)
    false_alarms = [
        (rows, _alarms_over_life(rows, FEATURES, 0.0, repeat), _alarms_over_life(rows, 1, moved_most, repeat))
        for rows in REFERENCES
    ]
    print("drift: power", flush=True)
    power = [(rows, [_found(rows, features, repeat) for features in (1, 10, FEATURES)]) for rows in REFERENCES]
    reference = dict(power)
    cpu = median(_seconds() for _ in range(3))
    print("drift: the others", flush=True)
    trials = min(repeat, _PEER_TRIALS)
    asked = {name: [_ask(*peer, question, trials) for question in QUESTIONS] for name, *peer in PEERS}
    times = {name: _timed(*peer) for name, *peer in PEERS}
    return Section(
        results=(
            Result(
                name=f"false alarms, nothing has moved, {FIRST} to {LAST:,} rows in {LOOKS} looks, {FEATURES} columns",
                unit="%",
                ours=100 * max(rate for _, rate, _ in false_alarms),
                most=1.0,
                note="the largest of the references below",
            ),
            Result(
                name=f"false alarms, {DEFAULT.tolerance:.0%} have moved as they may, the same, 1 column",
                unit="%",
                ours=100 * max(rate for _, _, rate in false_alarms),
                most=1.0,
                note="the worst case",
            ),
            Result(
                name=f"a shift of {SHIFT} standard deviations missed at {ROWS:,} rows, 1 column",
                unit="%",
                ours=100 * (1 - reference[5_000][0]),
                most=5.0,
                note="of a reference of 5,000 rows",
            ),
            Result(
                name=f"CPU to summarise and compare {FEATURES} columns of {TIMED:,} rows", unit="s", ours=cpu, most=1.0
            ),
        ),
        tables=(
            Table(
                title="By the rows of the evaluation split: versions with any false alarm in their life, and shifts found",
                columns=(
                    "rows of the reference",
                    "false alarms",
                    "at the edge of the tolerance",
                    *(f"found of {features} column{'s' * (features > 1)}" for features in (1, 10, FEATURES)),
                ),
                rows=tuple(
                    (f"{rows:,}", f"{none:.2%}", f"{edge:.2%}", *(f"{rate:.1%}" for rate in dict(power)[rows]))
                    for rows, none, edge in false_alarms
                ),
            ),
            Table(
                title=f"How often each says that something has drifted, of {trials} versions (ours: {repeat})",
                columns=("what happened", "jenkins-ml", *(f"{name} {times[name]['version']}" for name, *_ in PEERS)),
                rows=tuple(
                    (
                        question.name,
                        f"{_ours(question, repeat):.1%}",
                        *(f"{asked[name][place] / trials:.0%}" for name, *_ in PEERS),
                    )
                    for place, question in enumerate(QUESTIONS)
                ),
            ),
            Table(
                title=f"One comparison of {FEATURES} columns of {TIMED:,} rows with as many",
                columns=("who", "CPU-s", "s"),
                rows=(
                    ("jenkins-ml, the current rows", f"{cpu:.2f}", ""),
                    *((name, f"{times[name]['cpu']:.1f}", f"{times[name]['wall']:.1f}") for name, *_ in PEERS),
                ),
            ),
        ),
    )


def _alarms_over_life(reference_rows: int, features: int, shift: float, repeat: int) -> float:
    """The share of versions that are ever called drifted, looked at over and over while rows come in."""
    generator = np.random.default_rng(SEED)
    needed = _needed(features)
    alarms = 0
    for _ in range(repeat):
        references = _references(generator, reference_rows, features)
        shares = [_shares(column, shift) for column in references]
        counts = [np.zeros(len(each), np.int64) for each in shares]
        alarms += any(
            _evidence(column, count) >= needed
            for new in _new_rows()
            for column, share, count in zip(references, shares, counts, strict=True)
            if _added(count, generator.multinomial(new, share))
        )
    return alarms / repeat


def _found(reference_rows: int, features: int, repeat: int) -> float:
    """The share of shifts that are found at one look, where the level is that of so many columns."""
    generator = np.random.default_rng(SEED + 1)
    found = 0
    for _ in range(repeat):
        [column] = _references(generator, reference_rows, 1)
        counts = generator.multinomial(ROWS, _shares(column, SHIFT))
        found += _evidence(column, counts) >= _needed(features)
    return found / repeat


def _ours(question: Question, repeat: int) -> float:
    """The same as the peers are asked, at one look."""
    generator = np.random.default_rng(SEED + 2)
    alarms = 0
    for _ in range(repeat):
        references = _references(generator, _PEER_REFERENCE, question.features)
        alarms += any(
            _evidence(column, generator.multinomial(question.rows, _shares(column, question.shift)))
            >= _needed(question.features)
            for column in references
        )
    return alarms / repeat


def _seconds() -> float:
    """CPU to summarise the rows of 50 columns, and to compare them."""
    generator = np.random.default_rng(SEED)
    made = Reference()
    made.add({"x": generator.normal(size=(TIMED, FEATURES))}, np.zeros(TIMED))
    reference = made.summary()
    if reference is None:
        raise SystemExit("there is no reference")
    rows = generator.normal(0.1, 1, size=(TIMED, FEATURES))
    began = time.process_time()
    values = columns.of_inputs({"x": rows})
    now = Summary(
        of="requests",
        rows=TIMED,
        inputs=tuple(summarised(column, values[column.name]) for column in reference.inputs),
    )
    compared(
        reference,
        [Chapter(number=1, summary=now)],
        now,
        "training",
        false_alarm_rate=DEFAULT.false_alarm_rate,
        tolerance=DEFAULT.tolerance,
    )
    return time.process_time() - began


def _needed(features: int) -> float:
    return math.log(features / (DEFAULT.false_alarm_rate * SHARE["training"]))


def _evidence(column: ColumnSummary, counts: np.ndarray) -> float:
    return log_evidence(column, [Counted(chapter=1, counts=tuple(counts.tolist()))], DEFAULT.tolerance)


def _references(generator: np.random.Generator, rows: int, features: int) -> Sequence[ColumnSummary]:
    made = Reference()
    made.add({"x": generator.normal(size=(rows, features))}, np.zeros(rows))
    summary = made.summary()
    if summary is None:
        raise SystemExit("there is no reference")
    return summary.inputs


def _shares(column: ColumnSummary, shift: float) -> np.ndarray:
    """The probabilities of its cells for normal numbers with that mean."""
    below = [0.0, *map(NormalDist(shift).cdf, column.edges), 1.0]
    return np.append(np.diff(below), 0.0)


def _shift_of(share: float) -> float:
    """How far the mean of normal numbers has to move so that this share of them has moved, net."""
    return 2 * NormalDist().inv_cdf((1 + share) / 2)


def _new_rows() -> Iterator[int]:
    """How many come between two looks, from the first to the last."""
    ends = np.unique(np.geomspace(FIRST, LAST, LOOKS).round().astype(int))
    yield from np.diff(ends, prepend=0).tolist()


def _added(counts: np.ndarray, more: np.ndarray) -> bool:
    counts += more
    return True


def _ask(requirements: str, script: str, question: Question, trials: int) -> int:
    asked = ("alarms", question.features, question.rows, _PEER_REFERENCE, question.shift, trials, SEED)
    return int(_answer(requirements, script, *map(str, asked))["alarms"])


def _timed(requirements: str, script: str) -> dict[str, float]:
    return _answer(requirements, script, "time", str(FEATURES), str(TIMED))


def _answer(requirements: str, script: str, *arguments: str) -> dict:
    print(f"drift: {script} {' '.join(arguments)}", flush=True)
    python = installed(requirements) / "bin" / "python"
    path = ROOT / "benchmarks" / "drift_peers" / script
    told: dict = json.loads(
        output((str(python), str(path), *arguments), ROOT, variables() | _QUIET, _HOUR).splitlines()[-1]
    )
    return told
