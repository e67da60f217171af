"""Joining at its limits: pieces outside memory, a full disk, readers that leave early, progress."""

import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from jenkins_ml.adapters.predictions import Wanted, matching, open_predictions, records, source, spill
from jenkins_ml.errors import IntegrityError, Unavailable, UsageError
from tests.fakes.predictions import read, write

ROWS = 500


@pytest.fixture
def small(monkeypatch):
    """So little memory that 500 rows are many."""
    monkeypatch.setattr(source, "BLOCK_ROWS", 64)
    monkeypatch.setattr(spill, "_RUN_ROWS", 50)
    monkeypatch.setattr(matching, "_MOST_ROWS", 30)


def files(folder, *, ids=None, form="parquet", **more):
    """Two files with the same ids, those of the second in another order."""
    ids = np.arange(ROWS) if ids is None else np.asarray(ids)
    order = np.random.default_rng(1).permutation(len(ids))
    columns = {"id": ids, "label": np.arange(len(ids)) % 5, "prediction": np.arange(len(ids)) / 8} | more
    paths = [folder / f"c.{form}", folder / f"b.{form}"]
    write(paths[0], columns)
    write(paths[1], {"id": ids[order], "prediction": columns["prediction"][order]})
    return paths


def consume(candidate, baseline, scratch, features=(), progress=None):
    wanted = Wanted(features=frozenset(features))
    with open_predictions(candidate, baseline, wanted, scratch=scratch, progress=progress) as stream:
        return sum(map(len, stream))


def test_rows_come_back_from_the_disk_as_they_were(tmp_path, small):
    """Every column, whatever its type, and texts of dictionaries that grow from block to block."""
    cities = [f"city {row // 10}" if row % 7 else None for row in range(ROWS)]
    ages = [float(row) if row % 3 else None for row in range(ROWS)]
    weights = np.arange(ROWS, dtype=np.float32)
    paths = files(tmp_path, city=cities, age=pa.array(ages, pa.int64(), from_pandas=True, safe=False), weight=weights)
    found = read(*paths, "city", "age")
    assert found.joined == "sorted"
    assert (found.candidate == found.baseline).all()
    rows = (found.candidate * 8).astype(int)
    assert sorted(rows) == list(range(ROWS))
    assert found.labels.tolist() == (rows % 5).tolist()
    assert found.features == {"city": [cities[row] for row in rows], "age": [ages[row] for row in rows]}
    assert found.weights.tolist() == weights[rows].tolist()
    assert found.weights.dtype == np.float32
    assert found.sizes == [64] * 7 + [52]


def test_several_predictions_come_back_from_the_disk(tmp_path, small):
    scores = np.arange(ROWS * 3, dtype=np.float32).reshape(ROWS, 3)
    order = np.random.default_rng(2).permutation(ROWS)
    write(tmp_path / "c.npz", {"id": np.arange(ROWS), "prediction": scores, "label": np.eye(3)[np.arange(ROWS) % 3]})
    write(tmp_path / "b.npz", {"id": np.arange(ROWS)[order], "prediction": scores[order]})
    found = read(tmp_path / "c.npz", tmp_path / "b.npz")
    assert (found.candidate == found.baseline).all()
    assert found.candidate.dtype == np.float32
    assert sorted(found.candidate.tolist()) == scores.tolist()
    assert found.labels.shape == (ROWS, 3)


def test_rows_in_front_of_the_first_difference_keep_their_order(tmp_path, small):
    ids = np.arange(ROWS)
    other = ids.copy()
    other[[200, 300]] = other[[300, 200]]
    columns = {"label": ids % 2, "prediction": ids / 8}
    write(tmp_path / "c.parquet", columns | {"id": ids})
    found = read(
        tmp_path / "c.parquet", write(tmp_path / "b.parquet", columns | {"id": other, "prediction": other / 8})
    )
    assert (found.candidate == found.baseline).all()
    assert (found.candidate[:200] * 8).tolist() == list(range(200))
    assert sorted(found.candidate * 8) == list(range(ROWS))


def test_an_id_in_front_of_the_first_difference_and_again_behind_it(tmp_path, small):
    ids = [*range(100), 5, 101, 102]
    columns = {"label": [1] * 103, "prediction": [0.5] * 103}
    candidate = write(tmp_path / "c.parquet", columns | {"id": ids})
    baseline = write(tmp_path / "b.parquet", columns | {"id": [*ids[:100], 102, 101, 5]})
    with pytest.raises(IntegrityError, match=r"c\.parquet: 1 rows have an id that came before, such as 5"):
        read(candidate, baseline)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_progress_is_a_number_of_rows(tmp_path, small, form):
    seen = []
    consume(*files(tmp_path, form=form), tmp_path / "scratch", progress=lambda *said: seen.append(said))
    total = ROWS if form == "parquet" else None
    done = [count for count, _ in seen]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (64 // 3, ROWS)
    assert {of for _, of in seen} == {total}


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_progress_of_files_in_the_same_order(tmp_path, small, form):
    seen = []
    path = files(tmp_path, form=form)[0]
    consume(path, path, tmp_path / "scratch", progress=lambda *said: seen.append(said))
    assert [count for count, _ in seen] == [*range(64, ROWS, 64), ROWS]


class Full:
    """A file on a disk without room."""

    def __init__(self, code):
        self.code = code

    def write(self, _):
        raise OSError(self.code, os.strerror(self.code))

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full(tmp_path, small, monkeypatch, code):
    monkeypatch.setattr(spill.tempfile, "TemporaryFile", lambda **_: Full(code))
    with pytest.raises(Unavailable, match="sorting predictions by id: the disk is full"):
        consume(*files(tmp_path), tmp_path / "scratch")


def test_a_disk_that_will_be_full(tmp_path, small, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(1000))
    with pytest.raises(Unavailable, match=r"MB are needed in .*scratch, and 0 MB are free") as caught:
        consume(*files(tmp_path), tmp_path / "scratch")
    assert "same order of ids" in caught.value.next_step


def test_a_folder_that_cannot_be_made(tmp_path, small):
    (tmp_path / "scratch").write_text("")
    with pytest.raises(Unavailable, match="sorting predictions by id: File exists"):
        consume(*files(tmp_path), tmp_path / "scratch")


def test_few_rows_need_no_disk(tmp_path):
    assert consume(*files(tmp_path), tmp_path / "scratch") == ROWS
    assert not (tmp_path / "scratch").exists()


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left_by_who_leaves_early(tmp_path, small):
    opened = open_files()
    with open_predictions(*files(tmp_path), Wanted(), scratch=tmp_path / "scratch") as stream:
        next(iter(stream))
        assert open_files() > opened
        assert list((tmp_path / "scratch").iterdir()) == []
    assert open_files() == opened


def test_nothing_is_left_by_an_error_of_the_reader(tmp_path, small):
    opened = open_files()

    def stops(done, _):
        if done > 2 * ROWS / 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        consume(*files(tmp_path), tmp_path / "scratch", progress=stops)
    assert open_files() == opened


@pytest.mark.parametrize("texts", [False, True])
def test_one_id_so_often_that_its_rows_do_not_fit_into_memory(tmp_path, small, texts):
    ids = np.repeat(["x"] if texts else [7], ROWS)
    with pytest.raises(IntegrityError, match=r"rows have an id that came before, such as '?[x7]"):
        consume(*files(tmp_path, ids=np.concatenate([ids, ids[:1]])), tmp_path / "scratch")
    paths = files(tmp_path, ids=[*range(ROWS), *([5] * ROWS)])
    with pytest.raises(IntegrityError, match="rows have an id that came before"):
        consume(*paths, tmp_path / "scratch")


def test_more_texts_than_are_kept_in_memory(tmp_path, small, monkeypatch):
    monkeypatch.setattr(records, "_MOST_TEXTS", 99)
    paths = files(tmp_path, city=[f"city {row}" for row in range(ROWS)])
    with pytest.raises(UsageError, match="column `city` has more than 99 different values") as caught:
        consume(*paths, tmp_path / "scratch", ["city"])
    assert "`city`" in caught.value.next_step


def test_blocks_are_smaller_where_rows_are_wide(tmp_path):
    scores = np.zeros((3_000, 1_000), dtype=np.float32)
    found = read(write(tmp_path / "c.npz", {"prediction": scores, "label": np.zeros(3_000)}))
    assert found.sizes == [2_048, 952]


def test_nothing_is_copied_that_need_not_be(tmp_path):
    columns = {"label": np.zeros(9, np.int8), "prediction": np.ones(9, np.float32), "segment": pa.array(["a"] * 9)}
    path = write(tmp_path / "c.parquet", columns)
    with open_predictions(path, None, Wanted(features=frozenset(["segment"])), scratch=tmp_path) as stream:
        (block,) = stream
    assert not block.labels.flags.owndata
    assert not block.candidate.flags.owndata
    assert not block.features["segment"].codes.flags.owndata


def test_blocks_share_the_texts_of_a_column(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BLOCK_ROWS", 4)
    path = write(tmp_path / "c.parquet", {"label": [0] * 9, "prediction": [0.5] * 9, "segment": ["a", "b", "c"] * 3})
    with open_predictions(path, None, Wanted(features=frozenset(["segment"])), scratch=tmp_path) as stream:
        assert len({id(block.features["segment"].values) for block in list(stream)}) == 1


def test_a_file_that_goes_while_it_is_read(tmp_path, monkeypatch):
    """Ids are read once more where they do not ascend."""
    monkeypatch.setattr(source, "BLOCK_ROWS", 1)
    path = write(tmp_path / "c.parquet", {"id": [2, 1], "label": [0, 1], "prediction": [0.5, 0.5]})
    with open_predictions(path, None, Wanted(), scratch=tmp_path) as stream:
        blocks = iter(stream)
        next(blocks)
        path.unlink()
        with pytest.raises(Unavailable, match="No such file"):
            list(blocks)


def test_only_what_is_needed_is_imported(tmp_path):
    """pyarrow with the first file that needs it, and never its bridges to pandas and to whole folders of files."""
    write(tmp_path / "c.parquet", {"id": [1, 2], "label": [0, 1], "prediction": [0.5, 0.5], "segment": ["a", "b"]})
    program = """
import sys
from pathlib import Path
from jenkins_ml.adapters.predictions import Wanted, open_predictions
assert "pyarrow" not in sys.modules
path = Path("c.parquet")
with open_predictions(path, path, Wanted(features=frozenset(["segment"])), scratch=Path(".")) as stream:
    print(sum(map(len, stream)))
print([name for name in ("pandas", "pyarrow.dataset", "pyarrow.compute", "pyarrow.pandas_compat") if name in sys.modules])
"""
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "2\n[]\n", done.stderr
