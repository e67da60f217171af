"""What the server keeps of requests: counts over the cells of the reference, a fair sample, and never a failed answer."""

import asyncio
import json
import logging
import random
import threading

import httpx
import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.core.drift.reference import Reference
from jenkins_ml.core.drift.summary import check
from jenkins_ml.records import encode
from jenkins_ml.server.app import make_app
from jenkins_ml.server.dataplane import DataPlane
from jenkins_ml.server.metrics import Metrics
from jenkins_ml.server.sample_api import summary_route
from jenkins_ml.server.summaries import MOST_A_SECOND, TOGETHER, Summariser, summariser_of
from tests.fakes.model import FakeLoader, FakeModel

RANDOM = np.random.default_rng(1)
MADE = Reference()
MADE.add(
    {"x": RANDOM.normal(size=(5000, 2)), "country": np.array(["DE", "FR"] * 2500, object)}, RANDOM.random((5000, 3))
)
REFERENCE = MADE.summary()


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def summariser(clock):
    return Summariser(REFERENCE, random.Random(1), clock)


def request(rows, mean=0.0):
    inputs = {
        "x": RANDOM.normal(mean, 1, size=(rows, 2)),
        "country": np.array([b"DE", b"secret"] * rows, object)[:rows],
    }
    return inputs, {"scores": RANDOM.random((rows, 3))}


def test_what_was_asked_is_counted(summariser):
    for _ in range(10):
        summariser.offer(*request(3))
    summary = summariser.summary()
    check(summary)
    assert summary.rows == 30
    by_name = {column.name: column for column in summary.inputs}
    assert by_name["country"].counts[by_name["country"].categories.index("DE")] == 20
    assert by_name["country"].counts[-2] == 10
    assert sum(summary.prediction.counts) == 30


def test_no_text_of_a_user_is_kept(summariser):
    summariser.offer(*request(100))
    assert b"secret" not in encode(summariser.summary())


def test_it_adds_up_over_looks(summariser):
    summariser.offer(*request(5))
    first = summariser.summary()
    summariser.offer(*request(7))
    assert (first.rows, summariser.summary().rows) == (5, 12)


def test_of_a_busy_second_there_is_a_sample(summariser, clock):
    for _ in range(40_000):
        clock.now += 1 / 20_000
        summariser.offer(*request(1))
    # The first second, before anything was known, is counted whole; the next in the share that the first asks for.
    assert summariser.summary().rows == pytest.approx(20_000 + MOST_A_SECOND, rel=0.1)


def test_the_sample_does_not_depend_on_what_is_asked(clock):
    """Of two kinds of requests that come by turns both are kept equally often."""
    summariser = Summariser(REFERENCE, random.Random(2), clock)
    kinds = [request(1, -50.0), request(1, 50.0)]
    for number in range(60_000):
        clock.now += 1 / 10_000
        summariser.offer(*kinds[number % 2])
    [column] = [column for column in summariser.summary().inputs if column.name == "x[0]"]
    assert column.counts[0] / sum(column.counts) == pytest.approx(0.5, abs=0.02)


def test_a_request_of_many_rows_gives_some_of_them(summariser):
    summariser.offer(*request(50_000, 1.0))
    assert summariser.summary().rows == TOGETHER


def test_large_rows_do_not_wait(clock):
    made = Reference()
    made.add({"image": RANDOM.random((500, 16, 16))}, np.zeros(500))
    summariser = Summariser(made.summary(), random.Random(1), clock)
    images = RANDOM.random((64, 16, 16))
    for _ in range(20):
        summariser.offer({"image": images}, {"y": np.zeros(64)})
        assert summariser._bytes < 2 << 20
    assert summariser.summary().rows == 1280


def test_long_texts_do_not_wait(clock):
    made = Reference()
    made.add({"text": np.array([f"{number}" for number in range(500)], object)}, np.zeros(500))
    summariser = Summariser(made.summary(), random.Random(1), clock)
    for _ in range(5):
        summariser.offer({"text": np.array([b"a" * (1 << 20)], object)}, {"y": np.zeros(1)})
        assert summariser._bytes == 0
    assert summariser.summary().inputs[0].high == 1 << 20


def test_rows_of_another_shape_are_left_out(summariser):
    summariser.offer({"x": np.zeros((3, 5)), "country": np.array(["DE"] * 3, object)}, {"scores": np.zeros((3, 3))})
    summariser.offer(*request(2))
    summariser.summary()  # together with others of the right shape they are lost: they were never evaluated so
    summariser.offer(*request(2))
    assert summariser.summary().rows == 2


def test_answers_of_another_kind_are_left_out(summariser):
    inputs, _ = request(4)
    summariser.offer(inputs, {"scores": np.zeros(4)})
    summariser.offer(inputs, {"scores": np.zeros((4, 3)), "more": np.zeros(4)})
    summariser.offer(inputs, {"scores": np.array(1.0)})
    assert summariser.summary().rows == 0


def test_threads_lose_nothing(clock):
    summariser = Summariser(REFERENCE, random.Random(1), clock)
    requests = [request(10) for _ in range(4)]

    def ask(number):
        for _ in range(300):
            summariser.offer(*requests[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert summariser.summary().rows == 4 * 300 * 10


def test_it_is_read_from_the_files_of_the_version(tmp_path, clock):
    file = tmp_path / names.REFERENCE
    assert summariser_of(tmp_path, random.Random(1), clock) is None
    file.parent.mkdir()
    file.write_bytes(encode(REFERENCE))
    assert summariser_of(tmp_path, random.Random(1), clock).summary().rows == 0


def test_a_reference_that_cannot_be_read_stops_no_version(tmp_path, clock, caplog):
    file = tmp_path / names.REFERENCE
    file.parent.mkdir()
    file.write_bytes(b"{}")
    with caplog.at_level(logging.WARNING):
        assert summariser_of(tmp_path, random.Random(1), clock) is None
    assert "not summarised" in caplog.text


def test_who_has_the_token_reads_the_summary_of_a_server_without_an_admin_interface(tmp_path):
    version, token = tmp_path / "7", "t" * 43
    (version / names.REFERENCE).parent.mkdir(parents=True)
    made = Reference()
    made.add({"x": RANDOM.normal(size=(1000, 2)).astype(np.float32)}, np.zeros(1000))
    (version / names.REFERENCE).write_bytes(encode(made.summary()))
    (tmp_path / "token").write_text(token)
    body = json.dumps({"instances": [[1.0, 2.0], [3.0, 4.0]]})

    async def scenario():
        plane = DataPlane("m", FakeLoader({"7": FakeModel()}), wall=lambda: 12.5)
        await plane.load(7, version)
        plane.set_traffic(7, None, 0, 0)
        app = make_app(plane, Metrics("m"), [summary_route(plane, 7, tmp_path / "token")])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            for path in ("/v1/models/m:predict", "/v1/models/m/versions/7:predict"):  # who names it replays
                assert (await client.post(path, content=body)).status_code == 200
            refused = await client.get(names.SUMMARY_PATH)
            told = await client.get(names.SUMMARY_PATH, headers={names.TOKEN_HEADER: token})
        return refused, told.json()

    refused, told = asyncio.run(scenario())
    assert refused.status_code == 401
    assert (told["since"], told["summary"]["rows"]) == (12.5, 2)
