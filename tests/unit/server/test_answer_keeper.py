"""What is kept of answers by the id of their request, however they were encoded; by files that are read back."""

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jenkins_ml.adapters.live_metrics import answer_log
from jenkins_ml.server import answer_keeper, background, json_response
from jenkins_ml.server.answer_keeper import AnswerKeeper
from jenkins_ml.server.dataplane import Answer
from jenkins_ml.server.inference import Exchange

DAY = datetime(2026, 3, 4, 12, tzinfo=UTC)
ENCODERS = {"rows": json_response.rows, "columns": json_response.columns, "gRPC": dict}


class Plane:
    """Version 3 answers everything with the same."""

    def __init__(self, **outputs):
        self.outputs = {name: np.asarray(values) for name, values in outputs.items()}

    async def predict(self, _name, _version, exchange):
        return Answer(3, exchange.encode(self.outputs))


def kept(folder, plane, *asked, share=1.0, encode=json_response.rows):
    """Scores by id, after these requests: each an id, and a version or None."""
    keeper = AnswerKeeper(folder, "m", "production", share, lambda: DAY)

    async def ask():
        for request_id, version in asked:
            answer = await keeper.ask(plane, "m", version, Exchange(dict, encode), request_id)
            assert answer == Answer(3, encode(plane.outputs))

    asyncio.run(ask())
    keeper.close()
    names = {name for id_, _ in asked for name in (id_, *(f"{id_}/{number}" for number in range(5)))}
    ids, scores = answer_log.kept(answer_log.folder(folder, "m", "production", 3), names, DAY)
    return dict(zip(ids, scores.tolist(), strict=True))


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
def test_scores_are_kept_however_they_are_answered(tmp_path, encode, kind):
    batch = (
        np.array([[0.1, 2.0], [1e-30, np.nan]]).astype(kind) if kind != np.int32 else np.array([[1, 2], [3, 4]], kind)
    )
    found = kept(tmp_path, Plane(y=batch), ("one", None), ("two", None), encode=encode)
    assert [*found] == ["one/0", "one/1", "two/0", "two/1"]
    read = np.array([*found.values()]).astype(kind)
    np.testing.assert_array_equal(read, np.concatenate([batch, batch]))


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_a_single_row_has_the_id_of_the_request(tmp_path, encode):
    assert kept(tmp_path / "a", Plane(y=[[0.25, 0.75]]), ("one", None), encode=encode) == {"one": [0.25, 0.75]}
    assert kept(tmp_path / "b", Plane(y=[[0.25]]), ("one", None), encode=encode) == {"one": [0.25]}
    assert kept(tmp_path / "c", Plane(y=[0.25, 0.5]), ("one", None), encode=encode) == {"one/0": [0.25], "one/1": [0.5]}


@pytest.mark.parametrize("outputs", [{"y": [["a"]]}, {"y": [[[0.5]]]}, {"y": [[0.5]], "z": [[0.5]]}])
def test_what_is_no_matrix_of_scores_is_not_kept(tmp_path, outputs):
    assert kept(tmp_path, Plane(**outputs), ("one", None), encode=dict) == {}


def test_requests_without_an_id_pinned_ones_and_the_others_are_only_answered(tmp_path):
    asked = (("one", None), (None, None), ("a b", None), ("pinned", 3))
    assert [*kept(tmp_path / "a", Plane(y=[[0.5]]), *asked)] == ["one"]
    assert kept(tmp_path / "b", Plane(y=[[0.5]]), *asked, share=0.0) == {}


def test_rows_that_cannot_be_written_in_time_are_left_out_and_that_is_said(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(answer_keeper, "MOST_WAITING", 4)
    monkeypatch.setattr(background, "EVERY_SECONDS", 60)
    found = kept(tmp_path, Plane(y=[[0.5], [0.5], [0.5]]), *((f"r{number}", None) for number in range(4)))
    assert {id_.partition("/")[0] for id_ in found} == {"r0", "r1"}
    assert caplog.messages == ["answers are not kept: the disk is too slow"]


@given(
    st.sampled_from([np.float32, np.float64, np.int32]).flatmap(
        lambda kind: arrays(kind, st.tuples(st.integers(1, 4), st.integers(1, 3)))
    )
)
def test_the_text_of_an_answer_has_every_score(values):
    texts = json_response.row_texts(json_response.rows({"y": values}))
    read = np.array([[float(text) for text in row.split(",")] for row in texts]).astype(values.dtype)
    np.testing.assert_array_equal(read, values)
