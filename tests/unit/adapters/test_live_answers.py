"""Predictions that were kept, and labels that come later, in files."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jenkins_ml.adapters.live_metrics import answer_log, labels
from jenkins_ml.core import tracing
from jenkins_ml.errors import JenkinsMLError, UsageError

DAY = datetime(2026, 3, 4, 12, tzinfo=UTC)


def wrote(place, day, process, *answers, header=None):
    place.mkdir(parents=True, exist_ok=True)
    path = place / answer_log.file_name(day, process)
    new = answer_log.header(np.asarray(answers[0][1]).shape[1]) if not path.exists() else ""
    with path.open("a") as file:
        file.write(
            (header or new)
            + "".join(answer_log.lines(id_, answer_log.texts(np.asarray(rows))) for id_, rows in answers)
        )
    return path


def test_what_was_kept_is_found_by_its_id(tmp_path):
    place = answer_log.folder(tmp_path, "digits", "production", 3)
    wrote(place, DAY, "a-1", ("one", [[0.25, 0.75]]), ("two", [[0.5, 0.5], [0.9, 0.1]]), ("other", [[0.1, 0.9]]))
    ids, scores = answer_log.kept(place, {"one", "two/1", "unknown"}, DAY)
    assert ids == ["one", "two/1"]
    assert scores.tolist() == [[0.25, 0.75], [0.9, 0.1]]
    assert answer_log.kept(place, {"one"}, DAY + timedelta(days=3))[0] == []
    assert answer_log.kept(tmp_path / "nothing", {"one"}, DAY)[0] == []


def test_of_several_answers_the_last_one_counts(tmp_path):
    wrote(tmp_path, DAY, "a-1", ("one", [[0.1]]))
    wrote(tmp_path, DAY + timedelta(days=1), "a-1", ("one", [[0.9]]))
    assert answer_log.kept(tmp_path, {"one"}, DAY)[1].tolist() == [[0.9]]


def test_half_a_line_and_nonsense_are_left_out(tmp_path):
    path = wrote(tmp_path, DAY, "a-1", ("one", [[0.1, 0.9]]), ("two", [[0.2, 0.8]]))
    path.write_text(path.read_text() + "three,0.3,x\n\nfour,0.4")
    ids, scores = answer_log.kept(tmp_path, {"one", "two", "three", "four"}, DAY)
    assert ids == ["one", "two"]
    assert scores.shape == (2, 2)


def test_old_files_go_and_nothing_else(tmp_path):
    old = wrote(tmp_path, DAY - timedelta(days=9), "a-1", ("one", [[0.1]]))
    new = wrote(tmp_path, DAY, "a-1", ("one", [[0.1]]))
    (tmp_path / "notes.csv").write_text("mine")
    assert answer_log.prune(tmp_path, DAY - timedelta(days=5)) == 1
    assert sorted(tmp_path.iterdir()) == sorted([new, tmp_path / "notes.csv"])
    assert not old.exists()


@given(st.text(max_size=150))
def test_an_id_that_a_client_may_give_is_one_that_a_line_can_hold(text):
    if tracing.request_id(text) is not None:
        [line] = answer_log.lines(text, ["0.5"]).splitlines()
        assert line == f"{text},0.5"


@given(
    st.sampled_from([np.float32, np.float64, np.int32]).flatmap(
        lambda kind: arrays(kind, st.tuples(st.integers(1, 4), st.integers(1, 3)))
    )
)
def test_every_score_is_read_as_it_was_given(scores):
    texts = [line.split(",") for line in answer_log.lines("one", answer_log.texts(scores)).splitlines()]
    assert [text[0] for text in texts] == (["one"] if len(scores) == 1 else [f"one/{n}" for n in range(len(scores))])
    read = np.array([[float(text) for text in row[1:]] for row in texts]).astype(scores.dtype)
    np.testing.assert_array_equal(read, scores)


def test_the_share_of_requests_is_about_that_share():
    kept = sum(answer_log.is_kept(f"request-{number}", 0.2) for number in range(5000))
    assert 0.17 < kept / 5000 < 0.23


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet", "labels.npz"])
def test_labels_of_ids(tmp_path, name):
    path = tmp_path / name
    if name.endswith("csv"):
        path.write_text("note,id,label\nx,one,1\ny,two/0,0\nz,later,\n")
    elif name.endswith("parquet"):
        table = pyarrow.table({"label": [1, 0, None], "id": ["one", "two/0", "later"]})
        pyarrow.parquet.write_table(table, path)
    else:
        np.savez(path, id=np.array(["one", "two/0", "later"]), label=np.array([1, 0, np.nan]))
    assert labels.read([path]) == {"one": 1.0, "two/0": 0.0}


def test_a_label_is_corrected_by_a_later_file(tmp_path):
    for name, label in (("1.npz", 0), ("2.npz", 1)):
        np.savez(tmp_path / name, id=np.array([7]), label=np.array([label]))
    assert labels.read([tmp_path / "1.npz", tmp_path / "2.npz"]) == {"7": 1.0}


def test_files_without_the_columns_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", id=np.array(["one"]), target=np.array([1]))
    with pytest.raises(UsageError, match="no column `label`"):
        labels.read([tmp_path / "x.npz"])


def test_a_label_that_is_no_number_is_told_by_its_line(tmp_path):
    (tmp_path / "x.csv").write_text("id,label\na,1\nb,cat\n")
    with pytest.raises(UsageError, match=r"x.csv:3: the label 'cat' is no number"):
        labels.read([tmp_path / "x.csv"])


@pytest.mark.parametrize("content", [b"PK\x03\x04rubbish", b"PAR1rubbish", b""])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(JenkinsMLError, match=r"x\.parquet"):
        labels.read([tmp_path / "x.parquet"])
