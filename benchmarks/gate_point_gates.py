"""The rules of TFX and MLflow, which compare two values, beside ours on the same test sets; and their own code, asked."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks import gate_core
from benchmarks.environments import installed, variables
from benchmarks.figures import Table
from benchmarks.gate_populations import POPULATIONS, Examples
from benchmarks.machine import ROOT

COUNTS = (2_000, 5_000, 10_000)
CHANGES = (0.0, -0.01)
DISCORDANT = 0.05
RIGHT = 0.90  # the baseline's accuracy
ASKED = 200  # test sets of each kind that their own code judges too
ACCURACY = next(population for population in POPULATIONS if population.metric == "accuracy")
MARGIN = ACCURACY.margin
RULES = {"no tolerance": 0.0, "tolerance": MARGIN}
_SEED = 20_260_102
_CHUNK = 50


@dataclass(frozen=True, eq=False)
class Draws:
    """Test sets of one size and change.

    Args:
        count: examples of each.
        change: the true one of the accuracy.
        gained, lost: examples that only one of the two models has right, shape (test sets,).
        right: examples that the baseline has right.
    """

    count: int
    change: float
    gained: NDArray[np.int64]
    lost: NDArray[np.int64]
    right: NDArray[np.int64]

    @property
    def pairs(self) -> list[tuple[float, float]]:
        """Accuracy of candidate and baseline, as an evaluation tells them."""
        ours = (self.right + self.gained - self.lost) / self.count
        return list(zip(ours.tolist(), (self.right / self.count).tolist(), strict=True))


def drawn(count: int, change: float, repeat: int) -> Draws:
    """Test sets on which 5 % of the examples are right in one model only."""
    generator = np.random.default_rng([_SEED, count, change < 0])
    gained, lost = (DISCORDANT + change) / 2, (DISCORDANT - change) / 2
    both = RIGHT - lost
    cells = generator.multinomial(count, (gained, lost, both, 1 - gained - lost - both), size=repeat)
    return Draws(count, change, cells[:, 0], cells[:, 1], cells[:, 1] + cells[:, 2])


def tfx(candidate: float, baseline: float, tolerance: float) -> bool:
    """A change threshold, `absolute: -tolerance` with higher is better: the difference is at least that."""
    return candidate - baseline >= -tolerance


def mlflow(candidate: float, baseline: float, tolerance: float) -> bool:
    """`min_relative_change: 0.0` without a tolerance; with one the value limit, since changes for the worse cannot be said."""
    if tolerance:
        return candidate >= baseline - tolerance
    if baseline == 0:
        return Decimal(candidate) >= Decimal(baseline + 1e-10)
    return (candidate - baseline) / abs(baseline) >= 0.0


@dataclass(frozen=True)
class Peer:
    """A gate that compares two values.

    Args:
        name: as the tables call it.
        requirements: of its environment.
        script: of benchmarks/gate_peers, which asks its own code.
        passes: (candidate, baseline, tolerance) -> the rule, as we read it.
    """

    name: str
    requirements: str
    script: str
    passes: Callable[[float, float, float], bool]


PEERS = (
    Peer("TFX Model Analysis", "peers-tfma", "tfma_rules.py", tfx),
    Peer("MLflow", "peers-mlflow", "mlflow_rules.py", mlflow),
)


def tables(repeat: int, pool: Executor) -> tuple[Table, Table]:
    """What each gate approves, and whether the rules here are those of the peers' own code."""
    judged = min(repeat, ASKED)
    cells = [drawn(count, change, repeat) for count in COUNTS for change in CHANGES]
    pairs = [pair for draws in cells for pair in draws.pairs[:judged]]
    own = {peer: own_code(peer, pairs) for peer in PEERS}
    rule = {
        peer: {name: [peer.passes(*pair, most) for pair in pairs] for name, most in RULES.items()} for peer in PEERS
    }
    approvals = Table(
        title=(
            f"Accuracy with {100 * DISCORDANT:.0f} % of the examples discordant, {repeat} test sets a line: how often each "
            "gate approves, with a tolerance or margin of 1 point or with none. MLflow cannot say a change for the worse: "
            "its tolerance is a value limit that somebody sets to the baseline less 1 point"
        ),
        columns=(
            "examples",
            "true change",
            *(f"{peer.name}, {name}" for peer in PEERS for name in RULES),
            *(f"jenkins-ml, {verdict}" for verdict in gate_core.VERDICTS.values()),
        ),
        rows=tuple(_row(draws, pool) for draws in cells),
    )
    agreement = Table(
        title="The rules of the table before, held against the verdicts of the peers' own code",
        columns=("peer", "asked", "verdicts", "other than the rule's"),
        rows=tuple(
            (
                peer.name,
                f"`benchmarks/gate_peers/{peer.script}`",
                str(len(pairs) * len(RULES)),
                str(
                    sum(
                        ours != theirs
                        for name in RULES
                        for ours, theirs in zip(rule[peer][name], own[peer][name], strict=True)
                    )
                ),
            )
            for peer in PEERS
        ),
    )
    return approvals, agreement


def _row(draws: Draws, pool: Executor) -> tuple[str, ...]:
    """A line of the table: all gates on the same test sets."""
    pairs, repeat = draws.pairs, len(draws.gained)
    discordant = Counter(zip(draws.gained.tolist(), draws.lost.tolist(), strict=True))
    ours: Counter[str] = Counter()
    verdicts = pool.map(partial(verdict_on, draws.count), discordant, chunksize=_CHUNK)
    for verdict, often in zip(verdicts, discordant.values(), strict=True):
        ours[verdict] += often
    approved = (sum(peer.passes(*pair, most) for pair in pairs) for peer in PEERS for most in RULES.values())
    return (
        f"{draws.count}",
        f"{100 * draws.change:+.0f} point" if draws.change else "none",
        *(_percent(times / repeat) for times in approved),
        *(_percent(ours[verdict] / repeat) for verdict in gate_core.VERDICTS.values()),
    )


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %"


def verdict_on(count: int, discordant: tuple[int, int]) -> str:
    """The gate under test, on so many examples of which so many are right in the candidate only, or the baseline only."""
    gained, lost = discordant
    candidate, baseline = np.full((2, count), 0.75)
    baseline[:gained] = 0.25
    candidate[gained : gained + lost] = 0.25
    labels = np.ones(count, dtype=np.int64)
    labels[-1], candidate[-1], baseline[-1] = 0, 0.25, 0.25  # one of class 0, which both have right
    return gate_core.verdict(ACCURACY, Examples(labels, candidate, baseline))


def own_code(peer: Peer, pairs: list[tuple[float, float]]) -> dict[str, list[bool]]:
    """The rule -> what the peer's own code says about each (candidate, baseline)."""
    python = installed(peer.requirements) / "bin" / "python"
    script = ROOT / "benchmarks" / "gate_peers" / peer.script
    done = subprocess.run(
        [python, script],
        input=json.dumps({"margin": MARGIN, "pairs": pairs}),
        env=variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{script.name} exited with {done.returncode}:\n{done.stderr}")
    answer: dict[str, list[bool]] = json.loads(done.stdout)
    return answer
