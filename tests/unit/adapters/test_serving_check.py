"""What becomes of a server that answers well, wrongly, late, never, or dies."""

import numpy as np
import pytest

from jenkins_ml.adapters import serving_check, serving_look
from jenkins_ml.adapters.serving_check import TRIES, check
from jenkins_ml.adapters.serving_look import WARM_UP, Subject
from jenkins_ml.config.model_checks import Latency, Serving
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable, UsageError
from jenkins_ml.records import Signature, TensorSpec
from tests.fakes.checked_server import SIGNATURE, FakeCheckedServer, FakeStart

X = np.arange(10, dtype=np.float32).reshape(5, 2)
Y = X @ np.array([1, 2], np.float32)
SERVER = Serving(check="server")
DOWN = Unavailable("the model server ended with 1")


@pytest.fixture
def subject(tmp_path):
    def make(signature=SIGNATURE, **arrays):
        kept = {"replay/x": X, "exported/y": Y, "trained/y": Y} | arrays
        np.savez(tmp_path / "predictions.npz", labels=Y, predictions=Y, **kept)
        return Subject(
            model="m", version=3, path=tmp_path, signature=signature, predictions=tmp_path / "predictions.npz"
        )

    return make


def kinds(conditions):
    return {condition.kind: condition.outcome for condition in conditions}


def reason(conditions, kind):
    [condition] = [condition for condition in conditions if condition.kind == kind]
    return condition.outcome, condition.reason


def good():
    return FakeCheckedServer({"y": Y})


def test_by_default_no_server_is_started(subject):
    start = FakeStart(AssertionError("started"))
    assert kinds(check(Serving(), None, subject(), start=start)) == {"exported_answers": "passed"}
    assert check(Serving(check="none"), None, subject(), start=start) == ()


def test_the_export_is_held_against_the_trained_model(subject):
    [condition] = check(Serving(), None, subject(**{"trained/y": Y + 1}))
    assert condition.outcome == "failed"
    assert "5 of 5 examples are off by too much" in condition.reason


def test_without_a_trained_model_it_says_why(subject, tmp_path):
    old = subject()
    np.savez(tmp_path / "predictions.npz", **{"labels": Y, "predictions": Y, "replay/x": X})
    [condition] = check(Serving(), None, old)
    assert (condition.outcome, "did not record" in condition.reason) == ("skipped", True)
    found = check(SERVER, None, old, start=FakeStart(good()))
    assert kinds(found) == {"exported_answers": "skipped", "serving_loads": "passed", "serving_answers": "passed"}
    assert "as the exported model (these predictions were kept" in reason(found, "serving_answers")[1]


def test_a_good_server(subject):
    server = good()
    start = FakeStart(server)
    found = check(SERVER, Latency(p50_ms=1e6, p99_ms=1e6, requests=100), subject(), start=start)
    assert kinds(found) == {
        "exported_answers": "passed",
        "serving_loads": "passed",
        "serving_answers": "passed",
        "latency_p50": "passed",
        "latency_p99": "passed",
    }
    assert server.calls == ["load", *["rest"] * 5, "grpc", *["rest"] * (WARM_UP + 100)]
    assert (start.started, start.ended) == (1, 1)


def test_latency_alone_needs_no_answers_compared(subject):
    found = check(Serving(check="none"), Latency(p50_ms=1e6), subject(), start=FakeStart(good()))
    assert kinds(found) == {"serving_loads": "passed", "latency_p50": "passed"}


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (FakeCheckedServer({"y": Y + 1}), "over gRPC in one batch: it answered 3 for output 'y' of example 0, the trained"),
        (FakeCheckedServer({"y": Y}, rest=lambda rows: [0.0]), "over REST one at a time: it answered 0 for"),
        (FakeCheckedServer({"y": Y[:, None]}), "has shape (5, 1), the trained model answered (5,)"),
        (FakeCheckedServer({"y": Y}, rest=lambda rows: [[1.0]]), "has shape (5, 1)"),
        (FakeCheckedServer({"y": Y.astype(np.float64)}), "has type float64, the trained model answered float32"),
        (FakeCheckedServer({"y": np.full(5, np.nan, np.float32)}), "it answered nan for output 'y' of example 0; 5 of 5"),
        (FakeCheckedServer({"y": Y}, rest=lambda rows: b'{"predictions": [NaN]}'), "it answered nan"),
        (FakeCheckedServer({"z": Y}), "other outputs than those of the trained model: 'z' and 'y'"),
        (FakeCheckedServer({"y": Y}, rest=lambda rows: b'{"predictions": ["a"]}'), "does not fit the signature"),
        (FakeCheckedServer({"y": Y}, rest=lambda rows: b'{"outputs": [1.0]}'), "does not fit the signature"),
        (FakeCheckedServer({"y": Y}, rest=lambda rows: b'{"predictions": []}'), "has shape (0,)"),
        (FakeCheckedServer(StageFailed("it is answered with INTERNAL: no")), "over gRPC in one batch: it is answered with"),
    ],
)  # fmt: skip
def test_a_server_that_answers_otherwise(subject, server, words):
    found = check(SERVER, None, subject(), start=FakeStart(server))
    outcome, why = reason(found, "serving_answers")
    assert outcome == "failed"
    assert words in why
    assert reason(found, "serving_loads")[0] == "passed"


def test_the_first_request_that_fails_ends_the_asking(subject):
    def rest(rows):
        raise StageFailed("it is answered with 504: too slow")

    server = FakeCheckedServer({"y": Y}, rest=rest)
    found = check(SERVER, Latency(p50_ms=10), subject(), start=FakeStart(server))
    assert reason(found, "serving_answers") == (
        "failed", "the server, over REST one at a time: request 0 of 5: it is answered with 504: too slow",
    )  # fmt: skip
    assert reason(found, "latency_p50") == ("failed", "a request could not be timed: it is answered with 504: too slow")
    assert server.calls == ["load", "rest", "grpc", "rest"]


def test_what_cannot_be_loaded_is_not_tried_again(subject):
    start = FakeStart(FakeCheckedServer(load_error=IntegrityError("it has no signature")))
    found = check(SERVER, Latency(p50_ms=10), subject(), start=start)
    assert reason(found, "serving_loads") == ("failed", "the server cannot load it: it has no signature")
    assert kinds(found) == {"exported_answers": "passed", "serving_loads": "failed"}
    assert (start.started, start.ended) == (1, 1)


def test_another_signature_than_was_recorded(subject):
    other = Signature(inputs=SIGNATURE.inputs, outputs=(TensorSpec(name="y", dtype="float64", shape=(None, 3)),))
    found = check(SERVER, None, subject(), start=FakeStart(FakeCheckedServer({"y": Y}, signature=other)))
    assert reason(found, "serving_loads") == (
        "failed", "the server tells other outputs than were recorded: 'y' float64 [any, 3], not 'y' float32 [any]",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("dies", "kind", "words"),
    [
        ("load", "serving_loads", "the server was killed by SIGSEGV before it had loaded it"),
        ("rest", "serving_answers", "over REST one at a time: the server was killed by SIGSEGV before it had answered"),
        ("grpc", "serving_answers", "over gRPC in one batch: the server was killed by SIGSEGV before it had answered"),
    ],
)
def test_a_server_that_dies_is_tried_five_times(subject, dies, kind, words):
    servers = [FakeCheckedServer({"y": Y}, dies=dies) for _ in range(TRIES)]
    start = FakeStart(*servers)
    outcome, why = reason(check(SERVER, None, subject(), start=start), kind)
    assert (outcome, words in why) == ("failed", True)
    assert (start.started, start.ended) == (TRIES, TRIES)


@pytest.mark.parametrize("first", [DOWN, FakeCheckedServer({"y": Y}, dies="rest")])
def test_the_next_try_may_do_better(subject, first):
    told = []
    found = check(SERVER, None, subject(), told.append, FakeStart(first, good()))
    assert kinds(found) == {"exported_answers": "passed", "serving_loads": "passed", "serving_answers": "passed"}
    assert reason(found, "serving_loads")[1].endswith(", at try 2 of at most 5")
    assert told == ["looking at version 3 in a server", "looking at version 3 in a server, try 2"]


def test_a_server_that_never_starts_tells_nothing_about_the_version(subject):
    start = FakeStart(DOWN)
    with pytest.raises(Unavailable, match="ended with 1"):
        check(SERVER, None, subject(), start=start)
    assert start.started == TRIES


class Clock:
    """Time that passes with each request."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def monotonic(self):
        return self.now

    def perf_counter(self):
        return self.now

    def pass_by(self, rows):
        self.now += self.step
        return rows @ np.array([1.0, 2.0])


def use(clock, monkeypatch):
    for module in (serving_check, serving_look):
        monkeypatch.setattr(module, "time", clock)


def test_a_slow_server_ends_at_the_deadline(subject, monkeypatch):
    clock = Clock(100.0)
    use(clock, monkeypatch)
    server = FakeCheckedServer({"y": Y}, rest=clock.pass_by)
    start = FakeStart(server)
    found = check(SERVER, Latency(p99_ms=10), subject(), start=start)
    outcome, why = reason(found, "serving_answers")
    assert (outcome, "it has answered 3 of 5 requests when the time was over" in why) == ("failed", True)
    [late] = [condition for condition in found if condition.kind == "latency_p99"]
    assert (late.outcome, late.count, late.needed) == ("inconclusive", 0, 99)
    assert start.started == 1


def test_latency_is_what_the_clock_says(subject, monkeypatch):
    clock = Clock(0.025)
    use(clock, monkeypatch)
    server = FakeCheckedServer({"y": Y}, rest=clock.pass_by)
    found = check(Serving(check="none"), Latency(p99_ms=24.9), subject(), start=FakeStart(server))
    [late] = [condition for condition in found if condition.kind == "latency_p99"]
    assert (late.outcome, late.candidate, late.count) == ("failed", pytest.approx(25.0), 200)


def test_types_that_json_does_not_carry_are_asked_over_grpc_alone(subject):
    half = Signature(inputs=(TensorSpec(name="x", dtype="float16", shape=(None, 2)),), outputs=SIGNATURE.outputs)
    server = FakeCheckedServer({"y": Y}, signature=half)
    found = check(
        SERVER, Latency(p50_ms=10), subject(half, **{"replay/x": X.astype(np.float16)}), start=FakeStart(server)
    )
    assert reason(found, "serving_answers")[0] == "passed"
    assert "over gRPC in one batch (JSON carries no float16)" in reason(found, "serving_answers")[1]
    assert reason(found, "latency_p50") == ("failed", "it cannot be timed over REST: JSON carries no float16")
    assert server.calls == ["load", "grpc"]


def test_no_recorded_examples(subject, tmp_path):
    empty = subject()
    np.savez(tmp_path / "predictions.npz", labels=Y, predictions=Y)
    found = check(SERVER, Latency(p50_ms=10), empty, start=FakeStart(good()))
    assert kinds(found) == {
        "exported_answers": "skipped",
        "serving_loads": "passed",
        "serving_answers": "failed",
        "latency_p50": "failed",
    }


def test_a_tolerance_for_an_output_that_there_is_not(subject):
    with pytest.raises(UsageError, match="the model has no output 'z'"):
        check(Serving(tolerances={"z": 1.0}), None, subject())


def test_a_file_that_cannot_be_read(subject, tmp_path):
    bad = subject()
    bad.predictions.write_bytes(b"no zip")
    with pytest.raises(IntegrityError, match="holds no predictions"):
        check(Serving(), None, bad)
