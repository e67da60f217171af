"""Laws of joining predictions: what comes out is what a dictionary would join, whatever the order and the pieces."""

import contextlib
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jenkins_ml.adapters.predictions import matching, source, spill
from jenkins_ml.errors import IntegrityError
from tests.fakes.predictions import read

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
UNSIGNED = st.integers(0, 2**64 - 1) | st.integers(2**63 - 2, 2**63 + 2)
TEXTS = st.text("aé\0", max_size=20) | st.text(max_size=40)
TYPES = {"integers": (INTEGERS, pa.int64()), "unsigned": (UNSIGNED, pa.uint64()), "texts": (TEXTS, pa.string())}


@st.composite
def files(draw):
    """The type of the ids, those of the candidate and those of the baseline: the same ones, each once, in any order."""
    kind = draw(st.sampled_from(sorted(TYPES)))
    ids = draw(st.lists(TYPES[kind][0], unique=True, min_size=1, max_size=40))
    same = draw(st.integers(0, len(ids)))
    return kind, ids, ids[:same] + draw(st.permutations(ids[same:]))


@st.composite
def pieces(draw):
    """Rows in a block, in a run on disk, joined at once, and in the row groups of either file."""
    return tuple(draw(st.integers(1, 50)) for _ in range(5))


@contextlib.contextmanager
def in_pieces(block, run, at_once, *_):
    with (
        mock.patch.object(source, "BLOCK_ROWS", block),
        mock.patch.object(spill, "_RUN_ROWS", run),
        mock.patch.object(matching, "_MOST_ROWS", at_once),
    ):
        yield


def join(kind, candidate, baseline, sizes):
    """What is read from two files with these ids; each row's values say which row of the file it is."""
    with tempfile.TemporaryDirectory() as folder, in_pieces(*sizes):
        paths = []
        for name, ids, size in (("c", candidate, sizes[3]), ("b", baseline, sizes[4])):
            columns = {
                "id": pa.array(ids, TYPES[kind][1]),
                "prediction": [float(row) for row in range(len(ids))],
                "segment": [f"{name}{row % 3}" for row in range(len(ids))],
                ("label" if name == "c" else "age"): list(range(len(ids))),
            }
            paths.append(Path(folder) / f"{name}.parquet")
            pa.parquet.write_table(pa.table(columns), paths[-1], row_group_size=size)
        return read(*paths, "segment", "age")


def rows(found):
    return list(
        zip(
            found.labels.tolist(), found.candidate.tolist(), found.baseline.tolist(),
            found.features["segment"], found.features["age"],
            strict=True,
        )
    )  # fmt: skip


@given(files(), pieces())
def test_a_join_is_what_a_dictionary_joins(files, sizes):
    kind, candidate, baseline = files
    found = join(kind, candidate, baseline, sizes)
    there = {id_: row for row, id_ in enumerate(baseline)}
    expected = [(row, row, there[id_], f"c{row % 3}", there[id_]) for row, id_ in enumerate(candidate)]
    assert sorted(rows(found)) == expected
    assert found.joined == ("order" if candidate == baseline else "sorted")
    assert found.rows == len(candidate)
    assert all(size == sizes[0] for size in found.sizes[:-1])


@given(files(), pieces(), pieces())
def test_the_order_of_rows_does_not_depend_on_the_pieces(files, one, other):
    assert rows(join(*files, one)) == rows(join(*files, other))


@given(files(), pieces(), st.data())
def test_no_id_is_dropped_or_doubled_unseen(files, sizes, data):
    kind, candidate, baseline = files
    changed = {"candidate": list(candidate), "baseline": list(baseline)}
    for _ in range(data.draw(st.integers(1, 3))):
        ids = changed[data.draw(st.sampled_from(sorted(changed)))]
        place = data.draw(st.integers(0, len(ids) - 1))
        change = data.draw(st.sampled_from(["leave out", "again", "in the place of", "another"]))
        if change == "leave out" and len(ids) > 1:
            del ids[place]
        elif change == "again":
            ids.insert(data.draw(st.integers(0, len(ids))), ids[place])
        elif change == "in the place of":
            ids[data.draw(st.integers(0, len(ids) - 1))] = ids[place]
        else:
            ids[place] = data.draw(TYPES[kind][0])
    alike = Counter(changed["candidate"]) == Counter(changed["baseline"])
    if alike and len(set(changed["candidate"])) == len(changed["candidate"]):
        assert join(kind, *changed.values(), sizes).rows == len(changed["candidate"])
    else:
        with pytest.raises(IntegrityError):
            join(kind, *changed.values(), sizes)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1), st.randoms(), pieces())
@example([-1], None, (1, 1, 1, 1, 1))
@example([-1, 5], None, (1, 1, 1, 1, 1))
def test_ids_with_and_without_a_sign_are_never_taken_for_one_another(ids, random, sizes):
    """-1 and 2^64-1 are the same bits."""
    unsigned = [id_ % 2**64 for id_ in ids]
    if random is not None:
        random.shuffle(unsigned)
    with tempfile.TemporaryDirectory() as folder, in_pieces(*sizes):
        paths = [Path(folder) / "c.parquet", Path(folder) / "b.parquet"]
        for path, column in zip(paths, (pa.array(ids, pa.int64()), pa.array(unsigned, pa.uint64())), strict=True):
            columns = {"id": column, "prediction": [0.5] * len(ids), "label": [1] * len(ids)}
            pa.parquet.write_table(pa.table(columns), path)
        if min(ids) >= 0:
            assert read(*paths).rows == len(ids)
        else:
            negative = sum(id_ < 0 for id_ in ids)
            count = "1 id is" if negative == 1 else f"{negative:,} ids are"
            with pytest.raises(IntegrityError, match=f"{count} only in .*c.parquet.*; {count} only in .*b.parquet"):
                read(*paths)
