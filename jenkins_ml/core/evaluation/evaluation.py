"""One pass over the examples: blocks in, metrics of both versions with their intervals out, overall and slice by slice.

What the numbers rest on is summed in pieces of `CHUNK` rows, whose borders depend on nothing but the order of the rows: the
same rows give the same numbers to the last bit, however they were cut into blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from jenkins_ml.config.gate import AnyTask, Task
from jenkins_ml.core.arrays import Array, Floats, Integers
from jenkins_ml.core.evaluation import means, ranks
from jenkins_ml.core.evaluation.block import Block, Coded, Feature
from jenkins_ml.core.evaluation.calibration import Calibration, calibrated
from jenkins_ml.core.evaluation.cells import Cells, counted
from jenkins_ml.core.evaluation.groups import Slicer, Slicing
from jenkins_ml.core.evaluation.kept import CHUNK, Keeper, Sample
from jenkins_ml.core.evaluation.labelled import LabelTallies, labelled
from jenkins_ml.core.evaluation.metric import THRESHOLD, Metric
from jenkins_ml.core.evaluation.rows import Checker, Rows
from jenkins_ml.core.statistics.intervals import Estimate
from jenkins_ml.core.statistics.ranking import Ladder, ladder, rungs
from jenkins_ml.errors import StageFailed

OwnTerms = Callable[[Array, Array], Floats]
"""Labels and predictions of a batch -> a number for each example, or m of them: shape (n,) or (n, m)."""


class _Summable(Protocol):
    def __add__(self, other: Self, /) -> Self: ...


S = TypeVar("S", bound=_Summable)


@dataclass
class _Total(Generic[S]):
    """A sum that begins with its first part."""

    value: S | None = None

    def add(self, part: S) -> None:
        self.value = part if self.value is None else self.value + part


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Part of the examples.

    Args:
        name: such as "country=DE"; empty for all examples.
        slicing: which of the slicings it is of, counted from 1; 0 for all examples.
        number: of the slice in its slicing.
        count: how many examples it has with a weight above 0.
    """

    name: str
    slicing: int
    number: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A metric on a slice.

    Args:
        metric: which.
        part: on which examples.
        candidate, baseline: the values; None where they are not defined, or without production.
        difference: candidate - baseline.
        alike: whether both versions answer every example alike, so that nothing is left to estimate.
        error: how far the method may have moved each value; 0 for an exact one.
    """

    metric: Metric
    part: Slice
    candidate: Estimate | None
    baseline: Estimate | None = None
    difference: Estimate | None = None
    alike: bool = False
    error: float = 0.0


Estimates = tuple[Estimate | None, ...]
"""The candidate's, production's and the difference."""


@dataclass(frozen=True, eq=False)
class Own:
    """A metric of the user's own.

    Args:
        terms: what makes the numbers of each example.
        function: of their means; None for the mean of a single one.
    """

    terms: OwnTerms
    function: means.Function | None = None


class Evaluation:
    """Takes examples in; `finish` says what they come to.

    Args:
        metrics: what to measure.
        slicings: how to cut the examples.
        task: as in `Checker`.
        edges: the inner edges of slicings by quantiles.
        own: metric's name -> what makes the user's own metrics, where they are made here.
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        slicings: Sequence[Slicing] = (),
        task: AnyTask = "auto",
        edges: Mapping[Slicing, Floats] | None = None,
        own: Mapping[str, Own] | None = None,
    ) -> None:
        self._metrics = tuple(metrics)
        self._slicers = [Slicer(slicing, (edges or {}).get(slicing)) for slicing in slicings]
        self._checker = Checker(task)
        self._own = own or {}
        self._waiting: list[Block] = []
        self._state: _State | None = None

    def add(self, block: Block) -> None:
        """Take examples in.

        Raises:
            StageFailed: they cannot be evaluated.
        """
        for part in self._pieces(block):
            self._take(part)

    def finish(self, elsewhere: Mapping[tuple[str, str], Estimates] | None = None) -> Measured:
        """What the examples come to.

        Args:
            elsewhere: (metric's name, slice's name) -> metrics of the user's own that were made in another process.

        Raises:
            StageFailed: there were none, or they cannot be evaluated.
        """
        if self._waiting:
            self._take(_joined(self._waiting))
            self._waiting = []
        if self._state is None:
            raise StageFailed("the split holds no examples", 'return at least one example from data.load for "test"')
        return Measured(self._metrics, self._slicers, self._state, elsewhere or {})

    def _pieces(self, block: Block) -> Iterator[Block]:
        """Whole chunks; what is left waits for the next block."""
        waiting = sum(map(len, self._waiting))
        start = 0
        if waiting:
            start = min(CHUNK - waiting, len(block))
            self._waiting.append(block[:start])
            if waiting + start < CHUNK:
                return
            yield _joined(self._waiting)
            self._waiting = []
        while start + CHUNK <= len(block):
            yield block[start : start + CHUNK]
            start += CHUNK
        if start < len(block):
            self._waiting = [block[start:]]

    def _take(self, block: Block) -> None:
        rows = self._checker.check(block)
        if self._state is None:
            self._state = _State(self._metrics, rows, self._own)
        codes = tuple(slicer.codes(rows.features, len(rows)) for slicer in self._slicers)
        self._state.add(rows, codes, tuple(max(len(slicer.names), 1) for slicer in self._slicers))


class _State:
    """The sums of all families of metrics."""

    def __init__(self, metrics: Sequence[Metric], first: Rows, own: Mapping[str, Own]) -> None:
        self.task: Task = first.task
        self.classes = first.classes
        self.paired = first.baseline is not None
        self.weighted = first.weights is not None
        self.origin = float(first.labels[0]) if first.task == "regression" else 0.0
        fitting = [metric for metric in metrics if metric.fits(first.task)]
        decided = [metric for metric in fitting if metric.family in ("tallies", "flips")]
        thresholds = {metric.threshold for metric in decided if not means.as_mean(metric, self.task)}
        if self.task in ("binary", "multiclass"):
            thresholds.add(THRESHOLD)  # for the confusion matrix, and for how many examples each slice has
        self.cells: dict[float, list[_Total[Cells]]] = {}
        self.label_tallies: dict[float, list[_Total[LabelTallies]]] = {}
        for threshold in sorted(thresholds):
            if self.task == "multilabel":
                self.label_tallies[threshold] = []
            elif self.task != "regression":
                self.cells[threshold] = []
        self.means: dict[Metric, list[_Total[means.Sums]]] = {
            metric: [] for metric in fitting if means.as_mean(metric, self.task)
        }
        self.own = {metric: own[metric.name] for metric in fitting if metric.family == "own" and metric.name in own}
        self.means |= {metric: [] for metric in self.own}
        self.calibration: list[_Total[Calibration]] | None = (
            [] if any(metric.family == "calibration" for metric in fitting) else None
        )
        self.counts: list[_Total[means.Sums]] = []
        ranked = [metric for metric in fitting if metric.family == "ranks"]
        self.curves = tuple(sorted({curve for metric in ranked for curve in ranks.curves_of(metric, first)}))
        keeps = bool(ranked) or self.label_tallies or self.task == "binary"
        self.keeper = Keeper() if keeps else None
        self.bins: ranks.Bins | None = None
        self.differs: list[Array] = []

    def add(self, rows: Rows, codes: tuple[Integers, ...], groups: tuple[int, ...]) -> None:
        """Take checked rows in, with the slice of each row in each slicing, and how many slices those have."""
        # Without slicings everything is one slice of one slicing.
        cuts: list[tuple[Integers | None, int]] = list(zip(codes, groups, strict=True)) or [(None, 1)]
        for threshold, cells in self.cells.items():
            _add_all(cells, [counted(rows, threshold, code, count) for code, count in cuts])
        for threshold, tallies in self.label_tallies.items():
            _add_all(tallies, [labelled(rows, threshold, code, count) for code, count in cuts])
        for metric, totals in self.means.items():
            columns, plain = self._columns(metric, rows)
            _add_all(totals, [means.summed(columns, plain, rows.weights, code, count) for code, count in cuts])
        if self.calibration is not None:
            _add_all(self.calibration, [calibrated(rows, code, count) for code, count in cuts])
        if not self.cells:
            one = [np.zeros(len(rows))]
            _add_all(self.counts, [means.summed(one, True, rows.weights, code, count) for code, count in cuts])
        self._compare(rows, cuts)
        if self.keeper is not None:
            if self.bins is None and self.curves and not self.keeper.has_room_for(rows):
                self.bins = ranks.Bins(ranks.bin_sizes(groups))
                for part in self.keeper.parts:
                    self.bins.add(part.rows, part.codes, self.curves)
            if self.bins is not None:
                self.bins.add(rows, codes, self.curves)
            self.keeper.add(rows, codes)

    def _columns(self, metric: Metric, rows: Rows) -> tuple[list[Floats], bool]:
        """The columns whose sums a metric needs, and whether of each only its own square."""
        if metric in self.own:
            versions = [_own_terms(self.own[metric].terms, metric.name, rows, each) for each in rows.versions]
        else:
            versions = [means.terms(metric, rows, each, self.origin) for each in rows.versions]
        plain = self.function_of(metric) is None
        if plain and len(versions[0]) != 1:
            raise StageFailed(
                f"{metric.name}: the function returned {len(versions[0])} numbers for each example",
                "return one, or give `value`: the function that makes the metric from their means",
            )
        if plain and len(versions) == 2:
            with np.errstate(over="ignore", invalid="ignore"):
                return [versions[0][0], versions[1][0], versions[0][0] - versions[1][0]], True
        return [column for version in versions for column in version], plain

    def function_of(self, metric: Metric) -> means.Function | None:
        """What makes a metric from its means; None where it is the mean."""
        return self.own[metric].function if metric in self.own else means.function_of(metric)

    def _compare(self, rows: Rows, cuts: Sequence[tuple[Integers | None, int]]) -> None:
        """Note for each slice whether the versions answer any of its examples differently."""
        while len(self.differs) < len(cuts):
            self.differs.append(np.zeros(1, np.bool_))
        for number, (_, count) in enumerate(cuts):
            if len(self.differs[number]) < count:
                grown = np.zeros(count, np.bool_)
                grown[: len(self.differs[number])] = self.differs[number]
                self.differs[number] = grown
        if rows.baseline is None or all(differs.all() for differs in self.differs):
            return
        apart = rows.candidate != rows.baseline
        if apart.ndim == 2:
            apart = apart.any(axis=1)
        if not apart.any():
            return
        for differs, (code, _) in zip(self.differs, cuts, strict=True):
            if code is None:
                differs[:] = True
            elif not differs.all():
                differs[code[apart]] = True


def _own_terms(function: OwnTerms, name: str, rows: Rows, predictions: Array) -> tuple[Floats, ...]:
    """The numbers of each example by a function of the user's."""
    values = np.asarray(function(rows.labels, predictions), dtype=np.float64)
    if values.ndim not in (1, 2) or len(values) != len(rows) or not np.isfinite(values).all():
        raise StageFailed(
            f"{name}: the function returned shape {values.shape} for {len(rows)} examples, or numbers that are not finite",
            "return a finite number for each example: shape (n,), or (n, m)",
        )
    return (values,) if values.ndim == 1 else tuple(np.ascontiguousarray(values.T))


def _add_all(totals: list[_Total[S]], parts: Sequence[S]) -> None:
    while len(totals) < len(parts):
        totals.append(_Total())
    for total, part in zip(totals, parts, strict=True):
        total.add(part)


def _joined(blocks: Sequence[Block]) -> Block:
    """Blocks of the same rows one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    first = blocks[0]
    return Block(
        labels=np.concatenate([block.labels for block in blocks]),
        candidate=np.concatenate([block.candidate for block in blocks]),
        baseline=None if first.baseline is None else np.concatenate([each.baseline for each in blocks]),
        weights=None if first.weights is None else np.concatenate([each.weights for each in blocks]),
        features={name: _joined_features([block.features[name] for block in blocks]) for name in first.features},
    )


def _joined_features(columns: Sequence[Feature]) -> Feature:
    coded = [column for column in columns if isinstance(column, Coded)]
    if len(coded) < len(columns):
        return np.concatenate([column for column in columns if not isinstance(column, Coded)])
    codes: list[Array] = []
    values: list[str] = []
    for column in coded:
        codes.append(np.where(column.codes < 0, -1, column.codes.astype(np.int64) + len(values)))
        values += column.values
    return Coded(np.concatenate(codes), tuple(values))


class Measured:
    """What an evaluation found.

    Args:
        metrics: what was measured.
        slicers: what the examples were cut by.
        state: all sums.
        elsewhere: as in `Evaluation.finish`.
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        slicers: Sequence[Slicer],
        state: _State,
        elsewhere: Mapping[tuple[str, str], Estimates],
    ) -> None:
        self.metrics = tuple(metrics)
        self.task: Task = state.task
        self.paired = state.paired
        self._slicers = slicers
        self._state = state
        self._elsewhere = elsewhere
        self._answers: dict[tuple[Metric, Slice, float], Answer] = {}
        self._sample: dict[tuple[int, int], Sample] = {}
        self._cells: dict[tuple[float, int, int], Cells] = {}
        self._orders: dict[int, Integers] = {}

    @cached_property
    def overall(self) -> Slice:
        """All examples."""
        return Slice(name="", slicing=0, number=0, count=sum(self._counts(1)))

    def failure(self, slicing: int) -> str:
        """Why the examples could not be cut by a slicing, counted from 1; empty where they could."""
        return self._slicers[slicing - 1].failure

    def slices(self, slicing: int) -> list[Slice]:
        """The slices of a slicing, counted from 1, by name; those that nobody asked for are left out."""
        slicer = self._slicers[slicing - 1]
        if slicer.failure:
            return []
        counts = self._counts(slicing)
        found = [
            Slice(name=name, slicing=slicing, number=number, count=counts[number] if number < len(counts) else 0)
            for number, name in enumerate(slicer.names)
            if name
        ]
        return sorted((part for part in found if part.count), key=lambda part: part.name)

    def answer(self, metric: Metric, part: Slice, confidence: float) -> Answer:
        """A metric on a slice.

        Args:
            metric: one of `metrics`.
            part: one of `slices`, or `overall`.
            confidence: of each bound, in (0.5, 1).
        """
        key = (metric, part, confidence)
        if key not in self._answers:  # limits and repeated looks ask for the same
            self._answers[key] = self._answer(metric, part, confidence)
        return self._answers[key]

    def _answer(self, metric: Metric, part: Slice, confidence: float) -> Answer:
        found, error = self._estimates(metric, part, confidence), 0.0
        if metric.fits(self.task) and metric.family == "ranks":
            found, error = self._ranked(metric, part, confidence)
        return Answer(
            metric=metric,
            part=part,
            candidate=found[0],
            baseline=found[1],
            difference=found[2],
            alike=self.alike(part),
            error=error,
        )

    def alike(self, part: Slice) -> bool:
        """Whether both versions answer every example of a slice alike."""
        if not self.paired:
            return False
        differs = self._state.differs[max(part.slicing, 1) - 1]
        return not (differs.any() if part.slicing == 0 else differs[part.number])

    def reach(self, metric: Metric) -> float | None:
        """The most that an example can differ between the versions, of a plain mean of numbers; None where not known."""
        if self._state.weighted or metric not in self._state.means or self._state.own.get(metric) is not None:
            return None
        return means.reach(metric, self.task)

    def discordant(self, metric: Metric, part: Slice) -> tuple[int, int] | None:
        """How many examples of a slice count for the candidate only and for production only, of a plain share of them.

        None for a metric that is no such share, with weights, or without production.
        """
        if not self.paired or self._state.weighted or not metric.fits(self.task) or not part.count:
            return None
        if metric in self._state.means:
            if not means.is_share(metric):
                return None
            sums = _of(self._state.means[metric], part, self._numbers(part))
            gained = round((sums.second[2, 0] + sums.first[2, 0]) / 2)
            return gained, gained - round(sums.first[2, 0])
        return self._cells_of(metric.threshold, part).discordant if metric.kind == "accuracy" else None

    def confusion(self, version: int) -> tuple[tuple[int, ...], ...] | None:
        """Examples by label (row) and predicted class, at the usual threshold; None where there are no classes.

        Args:
            version: 0 for the candidate, 1 for production.
        """
        if THRESHOLD not in self._state.cells or (version and not self.paired):
            return None
        return tuple(tuple(row) for row in self._cells_of(THRESHOLD, self.overall).confusion(version).tolist())

    def sample(self, part: Slice) -> Sample | None:
        """The examples of a slice that were kept; None where none were needed."""
        if self._state.keeper is None:
            return None
        key = (part.slicing, part.number)
        if key not in self._sample:
            if part.slicing == 0:
                self._sample[key] = self._state.keeper.sample()
            else:
                every = self.sample(self.overall)
                if every is None:
                    return None
                chosen = every.codes[part.slicing - 1] == part.number
                total = int(chosen.sum()) if every.whole else part.count
                self._sample[key] = every.where(chosen, total)
        return self._sample[key]

    def ladder(self, version: int) -> Ladder | None:
        """The scores of a binary model on all examples, by bins where not all were kept; None for other models."""
        sample = self.sample(self.overall)
        if self.task != "binary" or sample is None or (version and not self.paired):
            return None
        if self._state.bins is not None:
            return self._state.bins.ladder(*self._place(self.overall), version, 1)[1]
        scores = sample.rows.versions[version]
        rung, count = rungs(scores)
        return ladder(sample.rows.labels == 1, rung, count, sample.rows.weights)

    # --- by family ------------------------------------------------------------------------------------------------

    def _estimates(self, metric: Metric, part: Slice, confidence: float) -> Estimates:
        state = self._state
        if (metric.name, part.name) in self._elsewhere:
            return self._elsewhere[metric.name, part.name]
        if not metric.fits(self.task) or not part.count:
            return None, None, None
        if metric in state.means:
            sums = _of(state.means[metric], part, self._numbers(part))
            return means.estimates(
                sums,
                share=means.is_share(metric),
                function=state.function_of(metric),
                paired=self.paired,
                weighted=state.weighted,
                confidence=confidence,
            )
        if metric.family == "calibration" and state.calibration is not None:
            total = state.calibration[max(part.slicing, 1) - 1].value
            return (None,) * 3 if total is None else total.estimates(self._numbers(part), confidence)
        if metric.family == "flips":
            return (self._cells_of(metric.threshold, part).flips(confidence) if self.paired else None), None, None
        if metric.family != "tallies":
            return None, None, None
        if self.task == "multilabel":
            tallies, sample = state.label_tallies[metric.threshold][max(part.slicing, 1) - 1].value, self.sample(part)
            if tallies is None or sample is None:
                return None, None, None
            return tallies.estimates(metric, self._numbers(part), sample, confidence)
        cells = self._cells_of(metric.threshold, part)
        return cells.estimates(metric, self.task == "binary", self.paired, confidence)

    def _ranked(self, metric: Metric, part: Slice, confidence: float) -> tuple[Estimates, float]:
        sample = self.sample(part)
        if sample is None or not part.count:
            return (None, None, None), 0.0
        return ranks.estimates(metric, sample, self._state.bins, self._place(part), confidence)

    def _numbers(self, part: Slice) -> Integers:
        """The slices that a part is made of: one, or all of the first slicing."""
        return np.array([part.number]) if part.slicing else self._order(1)

    def _place(self, part: Slice) -> tuple[int, Integers]:
        """The slicing, and its slices, whose bins a part is made of."""
        whole = 0 if self._state.bins is None else self._state.bins.whole
        if part.slicing or not whole:
            return part.slicing, np.array([part.number])
        return whole, self._order(whole)

    def _order(self, slicing: int) -> Integers:
        """The slices of a slicing that have examples, by their values: their numbers may depend on how text was coded."""
        if slicing not in self._orders:
            counts = self._counts(slicing)
            values = self._slicers[slicing - 1].values if self._slicers else []
            values += [()] * (len(counts) - len(values))
            present = sorted(np.flatnonzero(counts).tolist(), key=values.__getitem__)
            self._orders[slicing] = np.array(present, dtype=np.int64)
        return self._orders[slicing]

    def _cells_of(self, threshold: float, part: Slice) -> Cells:
        key = (threshold, part.slicing, part.number)
        if key not in self._cells:
            total = self._state.cells[threshold][max(part.slicing, 1) - 1].value
            if total is None:
                raise ValueError("nothing was counted")
            self._cells[key] = total.of(self._numbers(part))
        return self._cells[key]

    def _counts(self, slicing: int) -> list[int]:
        """How many examples with a weight above 0 each slice has, by number."""
        if THRESHOLD in self._state.cells:
            cells = self._state.cells[THRESHOLD][slicing - 1].value
            return (
                [] if cells is None else np.bincount(cells.keys // cells.classes**3, cells.counts).astype(int).tolist()
            )
        sums = self._state.counts[slicing - 1].value
        return [] if sums is None else sums.counts.astype(int).tolist()


def _of(totals: Sequence[_Total[means.Sums]], part: Slice, numbers: Integers) -> means.Sums:
    total = totals[max(part.slicing, 1) - 1].value
    if total is None:
        raise ValueError("nothing was summed")
    return total.of(numbers)
