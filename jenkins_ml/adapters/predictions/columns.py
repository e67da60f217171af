"""What the columns of a file of predictions mean: by their names, whatever the format."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from jenkins_ml.errors import UsageError

Kind: TypeAlias = Literal["integer", "number", "boolean", "text", "binary", "moment", "unparsed", "other"]
"""What a column holds. `moment`: dates and times. `unparsed`: text of a CSV file, which can become what is asked for."""

_ID_KINDS = ("integer", "text", "binary", "unparsed")
_NUMBER_KINDS = ("integer", "number", "boolean", "unparsed")
_FEATURE_KINDS = ("integer", "number", "boolean", "text", "moment", "unparsed")
_NUMBERED = re.compile(r"(label|prediction)_(0|[1-9]\d*)")


@dataclass(frozen=True)
class Field:
    """A column as the file declares it.

    Args:
        name: its name.
        kind: what it holds.
        type: what the file calls that, for messages.
        width: numbers in each row; more than 1 only in .npy and .npz files.
    """

    name: str
    kind: Kind
    type: str
    width: int = 1


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the gate needs besides ids, labels and predictions.

    Args:
        features: the columns to slice by; one that no file has is just not in the blocks.
        weight: whether a column `weight` is used, where there is one.
    """

    features: frozenset[str] = frozenset()
    weight: bool = True


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns to read from one file, by what they are; several labels and predictions stand in order."""

    id: Field | None
    labels: tuple[Field, ...]
    predictions: tuple[Field, ...]
    weight: Field | None
    features: tuple[Field, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """All of them."""
        single = tuple(field for field in (self.id, self.weight) if field is not None)
        return single + self.labels + self.predictions + self.features


def layout(path: Path, fields: Sequence[Field], wanted: Wanted) -> Layout:
    """Find the columns of one file.

    Args:
        path: the file, for messages.
        fields: all its columns.
        wanted: which others than ids, labels and predictions are needed.

    Raises:
        UsageError: there are no predictions, or a column that is needed is ambiguous or of a type that cannot serve.
    """
    numbered = [field.name for field in fields if _NUMBERED.fullmatch(field.name)]
    needed = {"id", "label", "prediction", *numbered, *wanted.features} | ({"weight"} if wanted.weight else set())
    counts = Counter(field.name for field in fields)
    for name in sorted(needed):
        if counts[name] > 1:
            raise UsageError(f"{path}: {counts[name]} columns are called `{name}`", "give each column its own name")
    by_name = {field.name: field for field in fields}
    predictions = _series(path, by_name, "prediction")
    if not predictions:
        raise _no_predictions(path, by_name)
    found = Layout(
        id=by_name.get("id"),
        labels=_series(path, by_name, "label"),
        predictions=predictions,
        weight=by_name.get("weight") if wanted.weight else None,
        features=tuple(
            by_name[name]
            for name in sorted(wanted.features)
            if name in by_name and not _reserved(name, weight=wanted.weight)
        ),
    )
    _check_kinds(path, found)
    return found


def width(fields: Sequence[Field]) -> int:
    """How many numbers a row has in these columns together."""
    return sum(field.width for field in fields)


def _reserved(name: str, *, weight: bool) -> bool:
    return name in ("id", "label", "prediction") or (weight and name == "weight") or bool(_NUMBERED.fullmatch(name))


def _series(path: Path, by_name: dict[str, Field], word: str) -> tuple[Field, ...]:
    """The column `word`, or the columns `word_0`, `word_1` and so on."""
    numbers = sorted(int(match[2]) for name in by_name if (match := _NUMBERED.fullmatch(name)) and match[1] == word)
    if word in by_name:
        if numbers:
            message = f"{path}: has both `{word}` and `{word}_{numbers[0]}`"
            raise UsageError(message, f"keep `{word}` alone, or `{word}_0`, `{word}_1` and so on")
        return (by_name[word],)
    missing = next((place for place, number in enumerate(numbers) if place != number), None)
    if missing is not None:
        message = f"{path}: has `{word}_{numbers[-1]}` but no `{word}_{missing}`"
        raise UsageError(message, f"write one column for each class, from `{word}_0` on")
    if len(numbers) == 1:
        message = f"{path}: has `{word}_0` but no `{word}_1`"
        raise UsageError(message, f"call a single column `{word}`, or write one column for each class")
    return tuple(by_name[f"{word}_{number}"] for number in numbers)


def _no_predictions(path: Path, by_name: dict[str, Field]) -> UsageError:
    listed = ", ".join(f"`{name}`" for name in list(by_name)[:10]) + (", ..." if len(by_name) > 10 else "")
    found = f"it has {listed}" if by_name else "it has no columns"
    if len(by_name) == 1 and (separator := next((sign for sign in ";\t|" if sign in next(iter(by_name))), None)):
        step = f"separate the columns by commas; here they seem to be separated by {separator!r}"
    elif near := difflib.get_close_matches("prediction", by_name, n=1):
        step = f"is it `{near[0]}`? Call it `prediction`"
    else:
        step = "call the column of the scores `prediction`, or `prediction_0`, `prediction_1` and so on, one for each class"
    return UsageError(f"{path}: there is no column `prediction` ({found})", step)


def _check_kinds(path: Path, found: Layout) -> None:
    if found.id is not None and (found.id.kind not in _ID_KINDS or found.id.width != 1):
        raise _wrong(path, found.id, "ids are whole numbers or text")
    weight = () if found.weight is None else (found.weight,)
    for field in (*found.labels, *found.predictions, *weight):
        if field.kind not in _NUMBER_KINDS:
            raise _wrong(path, field, "numbers are expected")
    for series in (found.labels, found.predictions):
        if len(series) > 1 and (wide := next((field for field in series if field.width != 1), None)):
            raise _wrong(path, wide, "one number for each row is expected in a numbered column")
    for field in (*weight, *found.features):
        if field.width != 1:
            raise _wrong(path, field, "one value for each row is expected")
    for field in found.features:
        if field.kind not in _FEATURE_KINDS:
            raise _wrong(path, field, "slices need text or numbers")


def _wrong(path: Path, field: Field, expected: str) -> UsageError:
    kind = field.type if field.width == 1 else f"{field.type} with {field.width} values a row"
    return UsageError(
        f"{path}: column `{field.name}` is {kind}: {expected}", "convert the column where the file is written"
    )
