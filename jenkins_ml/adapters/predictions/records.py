"""Rows as records of a fixed size, to go outside memory and come back."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from jenkins_ml.adapters.predictions.ids import Ids, keys
from jenkins_ml.adapters.predictions.rows import Dictionary, Rows
from jenkins_ml.core.arrays import Array
from jenkins_ml.core.evaluation.block import Coded, Feature
from jenkins_ml.errors import UsageError

# The texts of a column are kept in memory once, while its rows are not.
_MOST_TEXTS = 2**20


class Packing:
    """Rows of one file as records: the id as its key, and all else that the rows have.

    Args:
        like: rows as they will come: which columns there are, of which types.
        both_signs: see ids.keys.
    """

    def __init__(self, like: Rows, *, both_signs: bool) -> None:
        self._both_signs = both_signs
        self._dictionaries = {name: Dictionary() for name, column in like.features.items() if isinstance(column, Coded)}
        words = len(keys(cast(Ids, like.ids)[:0], both_signs=both_signs))
        fields: list[Any] = [("key", "<u8"), ("second", "<u8")][:words]
        if like.labels is not None:
            fields.append(("label", like.labels.dtype, like.labels.shape[1:]))
        fields.append(("prediction", like.predictions.dtype, like.predictions.shape[1:]))
        if like.weights is not None:
            fields.append(("weight", like.weights.dtype))
        for name, column in like.features.items():
            fields.append((_feature(name), np.int32 if isinstance(column, Coded) else column.dtype))
        self.dtype = np.dtype(fields)

    def pack(self, rows: Rows) -> Array:
        """Records with the rows' columns.

        Raises:
            UsageError: a column of text has more than a million different values.
        """
        records = np.empty(len(rows), dtype=self.dtype)
        for name, words in zip(("key", "second"), keys(cast(Ids, rows.ids), both_signs=self._both_signs), strict=False):
            records[name] = words
        for name, column in (("label", rows.labels), ("prediction", rows.predictions), ("weight", rows.weights)):
            if column is not None:
                records[name] = column
        for name, feature in rows.features.items():
            records[_feature(name)] = self._codes(name, feature) if isinstance(feature, Coded) else feature
        return records

    def unpack(self, records: Array) -> Rows:
        """The rows that became these records, without their ids."""
        names = self.dtype.names or ()

        def column(name: str) -> Array:
            return np.ascontiguousarray(records[name])

        features: dict[str, Feature] = {}
        for name in names:
            if name.startswith(_feature("")):
                plain = name.removeprefix(_feature(""))
                dictionary = self._dictionaries.get(plain)
                features[plain] = column(name) if dictionary is None else Coded(column(name), dictionary.values)
        return Rows(
            ids=None,
            labels=column("label") if "label" in names else None,
            predictions=column("prediction"),
            weights=column("weight") if "weight" in names else None,
            features=features,
        )

    def _codes(self, name: str, column: Coded) -> Array:
        dictionary = self._dictionaries[name]
        codes = dictionary.codes(column)
        if len(dictionary) > _MOST_TEXTS:
            raise UsageError(
                f"column `{name}` has more than {_MOST_TEXTS:,} different values, too many to sort the rows by id",
                f"leave `{name}` out of the slices, or write both files in the same order of ids",
            )
        return codes


def _feature(name: str) -> str:
    return f"feature {name}"
