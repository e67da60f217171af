"""The files of both models beside each other: whether they can be compared, and which columns are read from which."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

from jenkins_ml.adapters.predictions.columns import Field, Layout, Wanted, layout, width
from jenkins_ml.adapters.predictions.ids import Ids
from jenkins_ml.adapters.predictions.rows import Rows
from jenkins_ml.adapters.predictions.source import Source, block_rows
from jenkins_ml.errors import UsageError

_INTEGERS = ("int64", "uint64")


@dataclass(frozen=True)
class Side:
    """One of the files, and what is read from it."""

    source: Source
    layout: Layout

    @property
    def path(self) -> Path:
        """The file."""
        return self.source.path

    @property
    def block_rows(self) -> int:
        """How many rows make a block of this file's columns."""
        return block_rows(self.layout)

    def read(self, rows: int) -> Generator[Rows, None, None]:
        """All rows, in pieces of at most `rows`."""
        return self.source.read(self.layout, rows)

    def ids(self) -> Generator[Ids, None, None]:
        """Only the ids of all rows, where the file has some."""
        only = Layout(id=self.layout.id, labels=(), predictions=(), weight=None, features=())
        with contextlib.closing(self.source.read(only, block_rows(only))) as pieces:
            for piece in pieces:
                if piece.ids is not None:
                    yield piece.ids


def sides(candidate: Source, baseline: Source | None, wanted: Wanted) -> tuple[Side, Side | None]:
    """Which columns are read from which file: what both have, from the candidate's.

    Labels alone are read from both, to be compared.

    Raises:
        UsageError: a column is missing or of the wrong type, or the files cannot be joined.
    """
    _refuse_empty(candidate)
    ours = Side(candidate, layout(candidate.path, candidate.fields, wanted))
    if baseline is None:
        if not ours.layout.labels:
            raise UsageError(
                f"{ours.path}: there is no column `label`", "write the true label of each row beside its prediction"
            )
        return ours, None
    _refuse_empty(baseline)
    has = {field.name for field in ours.layout.features}
    rest = Wanted(features=wanted.features - has, weight=wanted.weight and ours.layout.weight is None)
    if not rest.weight and wanted.weight:
        rest = replace(rest, features=rest.features - {"weight"})
    theirs = Side(baseline, layout(baseline.path, baseline.fields, rest))
    _check_labels(ours, theirs)
    return _check_ids(ours, theirs)


def _refuse_empty(source: Source) -> None:
    if source.rows == 0:
        raise no_rows(source.path)


def no_rows(path: Path) -> UsageError:
    """The error for a file without rows."""
    return UsageError(
        f"{path}: there are no rows in it", "check what wrote it: nothing can be measured without examples"
    )


def row_counts(ours: Side, one: int | None, theirs: Side, other: int | None) -> UsageError:
    """The error for files without ids that have different numbers of rows; None where only that it differs is known."""
    counts = "" if one is None or other is None else f" ({one:,} and {other:,})"
    message = f"{ours.path} and {theirs.path} have different numbers of rows{counts}, and no ids to join them by"
    return UsageError(message, "write a column `id` into both files, which says what example a row is")


def _check_labels(ours: Side, theirs: Side) -> None:
    one, other = ours.layout.labels, theirs.layout.labels
    if not one and not other:
        message = f"there is no column `label` in {ours.path} and none in {theirs.path}"
        raise UsageError(message, "write the true label of each row into one of them")
    if one and other and width(one) != width(other):
        message = f"{ours.path} has {_named(one)}, and {theirs.path} has {_named(other)}"
        raise UsageError(message, "write the same labels into both files, or into one of them only")
    if ours.layout.id is None and theirs.layout.id is None:
        if not one or not other:
            message = f"neither {ours.path} nor {theirs.path} has a column `id`, and only one of them has labels"
            raise UsageError(
                message,
                "write a column `id` into both files: without it only equal labels show that rows belong together",
            )
        if None not in (ours.source.rows, theirs.source.rows) and ours.source.rows != theirs.source.rows:
            raise row_counts(ours, ours.source.rows, theirs, theirs.source.rows)


def _named(labels: tuple[Field, ...]) -> str:
    if len(labels) > 1:
        return f"`{labels[0].name}` to `{labels[-1].name}`"
    return f"`{labels[0].name}`" + (f" of {labels[0].width} values a row" if labels[0].width > 1 else "")


def _check_ids(ours: Side, theirs: Side) -> tuple[Side, Side]:
    one, other = ours.layout.id, theirs.layout.id
    if one is None and other is None:
        return ours, theirs
    if one is None or other is None:
        without, with_ = (ours, theirs) if one is None else (theirs, ours)
        message = f"{without.path}: there is no column `id`, and {with_.path} has one"
        raise UsageError(message, "write the column `id` into both files, or into neither")
    one, other = _parsed(one, other), _parsed(other, one)
    if (one.kind == "integer") != (other.kind == "integer"):
        message = f"column `id` is {one.type} in {ours.path} and {other.type} in {theirs.path}"
        raise UsageError(message, "write the ids as the same type into both files")
    return (
        replace(ours, layout=replace(ours.layout, id=one)),
        replace(theirs, layout=replace(theirs.layout, id=other)),
    )


def _parsed(field: Field, other: Field) -> Field:
    """The ids of a CSV file as whole numbers if those of the other file are, else as text."""
    if field.kind != "unparsed":
        return field
    if other.kind == "integer":
        return replace(field, kind="integer", type="uint64" if other.type == "uint64" else "int64")
    return replace(field, kind="text", type="string")
