"""Rows of both files that belong together: by position, by ids in the same order, or by ids in any order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from itertools import chain
from pathlib import Path
from typing import cast

from jenkins_ml.adapters.predictions.agreement import Agreement
from jenkins_ml.adapters.predictions.ids import Ids, ascending, equal_rows, keys, shown
from jenkins_ml.adapters.predictions.matching import Mismatch, Repeated, matched
from jenkins_ml.adapters.predictions.rows import Feed, Pair, Rows, joined
from jenkins_ml.adapters.predictions.sides import Side, no_rows, row_counts
from jenkins_ml.errors import IntegrityError

STEPS = 3
"""Steps of a row: read from either file, and matched."""


def alone(candidate: Side, size: int, scratch: Path, did: Callable[[int], None]) -> Generator[Pair, None, None]:
    """The rows of one file.

    Args:
        candidate: the file.
        size: rows in a piece.
        scratch: a folder for what does not fit into memory.
        did: called with the number of steps that were done.

    Raises:
        IntegrityError: an id comes twice.
        UsageError: there are no rows, or reading fails.
    """
    count = 0
    with contextlib.closing(candidate.read(size)) as pieces, _Unique(candidate, scratch) as unique:
        for rows in pieces:
            unique.add(rows.ids)
            yield Pair(rows, None).without_ids()
            count += len(rows)
            did(len(rows) * STEPS)
        if not count:
            raise no_rows(candidate.path)
        unique.check()


def by_position(candidate: Side, baseline: Side, size: int, did: Callable[[int], None]) -> Iterator[Pair]:
    """The rows of two files without ids, as they stand; the labels have to be equal everywhere.

    Raises:
        IntegrityError: the labels differ.
        UsageError: there are no rows, or not as many in both, or reading fails.
    """
    agreement = Agreement()
    count = 0
    with contextlib.closing(candidate.read(size)) as left, contextlib.closing(baseline.read(size)) as right:
        ours, theirs = Feed(left, joined), Feed(right, joined)
        while (
            (one := ours.take(size)) is not None and (other := theirs.take(size)) is not None and len(one) == len(other)
        ):
            pair = Pair(one, other)
            if (row := agreement.compare(pair)) is not None:
                agreement.first = f"row {count + row + 1:,}"
            yield pair
            count += len(pair)
            did(len(pair) * STEPS)
        if one is not None or theirs.take(1) is not None:
            raise row_counts(candidate, None, baseline, None)
    if not count:
        raise no_rows(candidate.path)
    if agreement.differing:
        raise IntegrityError(
            f"the labels of {candidate.path} and {baseline.path} differ in {agreement.differing:,} of {count:,} rows, "
            f"first in {agreement.first} ({agreement.values})",
            "write a column `id` into both files: without it their rows have to be in the same order",
        )


class ById:
    """The rows of two files with the same ids.

    As long as the ids come in the same order, so do the rows. From the first row on where they differ, the rest of both
    files goes through `matched`.

    Args:
        candidate: the candidate's file.
        baseline: the baseline's file.
        size: rows in a piece, as long as the order is the same.
        scratch: a folder for what does not fit into memory.
        did: called with the number of steps that were done.

    Attributes:
        sorted: whether the order differs, known after the last pair.
    """

    def __init__(self, candidate: Side, baseline: Side, size: int, scratch: Path, did: Callable[[int], None]) -> None:
        self._candidate = candidate
        self._baseline = baseline
        self._size = size
        self._scratch = scratch
        self._did = did
        self._agreement = Agreement()
        self.sorted = False

    def pairs(self) -> Iterator[Pair]:
        """The rows of both, in pieces.

        Raises:
            IntegrityError: an id comes twice or is in one file only, or labels differ.
            UsageError: there are no rows, or reading fails.
        """
        ours, theirs = self._candidate.read(self._size), self._baseline.read(self._size)
        with contextlib.closing(ours), contextlib.closing(theirs):
            yield from self._pairs(Feed(ours, joined), Feed(theirs, joined))
        if self._agreement.differing:
            raise IntegrityError(
                f"the labels of {self._candidate.path} and {self._baseline.path} differ for {self._agreement.differing:,} "
                f"ids, first for id {self._agreement.first} ({self._agreement.values})",
                "evaluate both models on the same data: one of the files has labels of another version",
            )

    def _pairs(self, ours: Feed[Rows], theirs: Feed[Rows]) -> Iterator[Pair]:
        one, other = ours.take(self._size), theirs.take(self._size)
        if one is None or other is None:
            raise no_rows((self._candidate if one is None else self._baseline).path)
        ours_ended, theirs_ended = one[:0], other[:0]
        count = 0
        with _Unique(self._candidate, self._scratch) as unique:
            while one is not None or other is not None:
                one = ours_ended if one is None else one
                other = theirs_ended if other is None else other
                same = equal_rows(_ids(one), _ids(other))
                if same:
                    unique.add(one[:same].ids)
                    yield self._in_order(Pair(one[:same], other[:same]))
                    count += same
                if same < max(len(one), len(other)):
                    self.sorted = True
                    break
                one, other = ours.take(self._size), theirs.take(self._size)
            else:
                unique.check()
        if self.sorted and one is not None and other is not None:
            yield from self._any_order(chain([one[same:]], ours.rest()), chain([other[same:]], theirs.rest()), count)
            if count:
                # The matching has seen each id once behind the first difference; one of them may stand in front of it, too.
                _refuse_repeated(self._candidate, self._scratch)

    def _in_order(self, pair: Pair) -> Pair:
        if (row := self._agreement.compare(pair)) is not None:
            self._agreement.first = shown(_ids(pair.candidate), row)
        self._did(len(pair) * STEPS)
        return pair.without_ids()

    def _any_order(self, ours: Iterator[Rows], theirs: Iterator[Rows], before: int) -> Iterator[Pair]:
        """The rows from the first difference of the order on; `before` says how many came before it."""
        total = self._candidate.source.rows
        both_signs = self._both_signs()
        pairs = matched(
            self._counted(ours),
            self._counted(theirs),
            scratch=self._scratch,
            expected=None if total is None else total - before,
            both_signs=both_signs,
            suspicious=self._refuse_any_repeated,
        )
        with contextlib.closing(pairs):
            for found in pairs:
                if isinstance(found, Mismatch):
                    raise self._mismatched(found, both_signs)
                pair, words = found
                if (row := self._agreement.compare(pair)) is not None:
                    self._agreement.first = _find(self._candidate, int(words[row]), both_signs)
                self._did(len(pair))
                yield pair

    def _counted(self, pieces: Iterator[Rows]) -> Iterator[Rows]:
        for piece in pieces:
            yield piece
            self._did(len(piece))

    def _both_signs(self) -> bool:
        kinds = {field.type for field in (self._candidate.layout.id, self._baseline.layout.id) if field is not None}
        return "uint64" in kinds and len(kinds) > 1

    def _refuse_any_repeated(self) -> None:
        for side in (self._candidate, self._baseline):
            _refuse_repeated(side, self._scratch)

    def _mismatched(self, mismatch: Mismatch, both_signs: bool) -> IntegrityError:
        self._refuse_any_repeated()
        parts = []
        for side, unmatched in ((self._candidate, mismatch.candidate), (self._baseline, mismatch.baseline)):
            if unmatched.count:
                example = _find(side, unmatched.first, both_signs)
                parts.append(f"{_ids_are(unmatched.count)} only in {side.path}, such as {example}")
        step = "let both models answer the same examples, and leave out of both files what one of them cannot answer"
        return IntegrityError("; ".join(parts) or f"{self._candidate.path}: changed while it was read", step)


class _Unique:
    """Whether ids come once each, as they go by: they do if they ascend; if they do not from the start, they are kept.

    Args:
        side: the file whose ids they are.
        scratch: a folder for what does not fit into memory.
    """

    def __init__(self, side: Side, scratch: Path) -> None:
        self._side = side
        self._scratch = scratch
        self._ascending = True
        self._last: Ids | None = None
        self._kept: Repeated | None = None

    def __enter__(self) -> _Unique:
        return self

    def __exit__(self, *_: object) -> None:
        if self._kept is not None:
            self._kept.__exit__()

    def add(self, ids: Ids | None) -> None:
        """More ids; None where a file has none, so that none can come twice."""
        if ids is None or not len(ids):
            return
        if self._ascending:
            self._ascending = ascending(ids, self._last)
            if not self._ascending and self._last is None:
                self._kept = Repeated(self._scratch, self._side.source.rows)
            self._last = ids[len(ids) - 1 :]
        if self._kept is not None:
            self._kept.add(ids)

    def check(self) -> None:
        """All ids of the file have come: refuse any that came twice."""
        if self._kept is not None:
            _refuse(self._side, self._kept)
        elif not self._ascending:
            _refuse_repeated(self._side, self._scratch)


def _refuse_repeated(side: Side, scratch: Path) -> None:
    """Read the ids once more, and refuse any that comes twice."""
    with contextlib.closing(side.ids()) as pieces, Repeated(scratch, side.source.rows) as kept:
        for ids in pieces:
            kept.add(ids)
        _refuse(side, kept)


def _refuse(side: Side, kept: Repeated) -> None:
    found = kept.found()
    if found is not None:
        example = _find(side, found.first, both_signs=False)
        message = f"{side.path}: {found.count:,} rows have an id that came before, such as {example}"
        raise IntegrityError(message, "write each example once, or give each row an id of its own")


def _find(side: Side, key: int, both_signs: bool) -> str:
    """The id that has this key, as a message shows it."""
    with contextlib.closing(side.ids()) as pieces:
        for ids in pieces:
            rows = (keys(ids, both_signs=both_signs)[0] == key).nonzero()[0]
            if len(rows):
                return shown(ids, int(rows[0]))
    raise IntegrityError(f"{side.path}: changed while it was read", "run it again when nothing writes to it")


def _ids(rows: Rows) -> Ids:
    return cast(Ids, rows.ids)


def _ids_are(count: int) -> str:
    return "1 id is" if count == 1 else f"{count:,} ids are"
