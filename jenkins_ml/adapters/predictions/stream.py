"""Predictions of both models, example by example, as a stream of blocks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Literal, TypeAlias, cast

from jenkins_ml.adapters.predictions.columns import Wanted
from jenkins_ml.adapters.predictions.joining import STEPS, ById, alone, by_position
from jenkins_ml.adapters.predictions.opening import open_source
from jenkins_ml.adapters.predictions.rows import Feed, Pair, joined_pairs
from jenkins_ml.adapters.predictions.sides import Side, sides
from jenkins_ml.core.arrays import Array
from jenkins_ml.core.evaluation.block import Block

Progress: TypeAlias = Callable[[int, int | None], None]
Joined: TypeAlias = Literal["position", "order", "sorted"]


def open_predictions(
    candidate: Path,
    baseline: Path | None,
    wanted: Wanted,
    *,
    scratch: Path,
    progress: Progress | None = None,
) -> PredictionStream:
    """Open the predictions of a candidate, and of the model in production.

    The columns and how the files are joined: docs/predictions.md.

    Args:
        candidate: the candidate's file.
        baseline: production's file; None without one.
        wanted: which columns are needed besides ids, labels and predictions.
        scratch: a folder for what does not fit into memory; made when it is needed, and nothing stays in it.
        progress: called as blocks go by with the number of rows done and of all rows, None where that is not known.

    Raises:
        UsageError: a file is missing, is none of the formats, or lacks what it must have.
        Unavailable: reading fails.
    """
    ours, theirs = sides(
        open_source(candidate, scratch), None if baseline is None else open_source(baseline, scratch), wanted
    )
    return PredictionStream(ours, theirs, scratch, progress)


class PredictionStream:
    """The rows of both files, joined: iterated once, inside of `with`.

    Blocks have 65,536 rows, or a smaller power of two where a row has many columns; the last has what is left. Their
    order is that of the candidate's file as long as both files have the same ids in the same order; from the first row
    on where they differ, it is a function of the set of ids alone.

    Attributes:
        rows: how many examples there are; None while that is not known.
        joined: how rows were found to belong together, known after the last block: by `position` (no ids, or only one
            file), by ids in the same `order`, or with ids `sorted` because their order differs.
    """

    def __init__(self, candidate: Side, baseline: Side | None, scratch: Path, progress: Progress | None) -> None:
        self._candidate = candidate
        self._baseline = baseline
        self._scratch = scratch
        self._progress = progress
        self._steps = 0
        self._iterator = self._blocks()
        self.rows: int | None = candidate.source.rows
        self.joined: Joined = "position" if baseline is None or candidate.layout.id is None else "order"

    def __enter__(self) -> PredictionStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._iterator.close()

    def __iter__(self) -> Iterator[Block]:
        """The blocks; once.

        Raises:
            IntegrityError: the files contradict each other, or an id comes twice.
            UsageError: a file is damaged, or lacks a value that it must have.
            Unavailable: reading fails, or the disk is full.
        """
        return self._iterator

    def _blocks(self) -> Generator[Block, None, None]:
        size = self._candidate.block_rows
        if self._baseline is None:
            pairs = alone(self._candidate, size, self._scratch, self._did)
        else:
            size = min(size, self._baseline.block_rows)
            pairs = self._joined_pairs(self._baseline, size)
        done = 0
        with contextlib.closing(pairs):
            feed = Feed(pairs, joined_pairs)
            while (pair := feed.take(size)) is not None:
                yield _block(pair)
                done += len(pair)
        self.rows = done

    def _joined_pairs(self, baseline: Side, size: int) -> Generator[Pair, None, None]:
        if self._candidate.layout.id is None:
            yield from by_position(self._candidate, baseline, size, self._did)
            return
        join = ById(self._candidate, baseline, size, self._scratch, self._did)
        yield from join.pairs()
        if join.sorted:
            self.joined = "sorted"

    def _did(self, steps: int) -> None:
        self._steps += steps
        if self._progress is not None:
            self._progress(self._steps // STEPS, self.rows)


def _block(pair: Pair) -> Block:
    ours, theirs = pair.candidate, pair.baseline
    labels, weights, features = ours.labels, ours.weights, ours.features
    if theirs is not None:
        labels = theirs.labels if labels is None else labels
        weights = theirs.weights if weights is None else weights
        features = {**features, **theirs.features}
    return Block(
        labels=cast(Array, labels),
        candidate=ours.predictions,
        baseline=None if theirs is None else theirs.predictions,
        weights=weights,
        features=features,
    )
