"""The whole life of a model's versions on a real Docker engine, while users ask."""

import json
import time
import urllib.request

import pytest

from jenkins_ml.core.judge import Window
from jenkins_ml.errors import StageFailed
from tests.fakes.docker_site import GOLDEN, Users, image_of_model_server, predict, site_of

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]


@pytest.fixture(scope="module")
def engine(docker_engine):
    image_of_model_server(docker_engine)
    return docker_engine


@pytest.fixture
def site(engine, tmp_path):
    with site_of(engine, tmp_path) as here:
        yield here


def traffic(target):
    serving = target.serving()
    return serving.stable, serving.canary, serving.weight


def eventually(check, seconds=15):
    """What `check` answers as soon as that is true."""
    ends = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < ends, "it never came about"
        time.sleep(0.1)
    return found


def test_a_whole_life_without_a_failed_request(site):
    target = site.target()
    with target.hold("the first release"):
        target.start()
        assert target.serving().versions == ()
        target.load(site.version(1))
        assert traffic(target) == (None, None, 0)
        target.route(1, None, 0)
        assert traffic(target) == (1, None, 0)
    url = target.serving().rest
    with Users(url) as users, target.hold("a release"):
        target.load(site.version(2, answer=0))
        target.seen(1), target.seen(2)
        shares = {}
        for weight in (5, 50, 100):
            target.route(1, 2, weight)
            target.seen(1), target.seen(2)
            assert traffic(target) == (1, 2, weight)
            before = users.answers.total()
            eventually(lambda before=before: users.answers.total() > before + 100)
            stable, canary = target.seen(1), target.seen(2)
            assert stable.failed == canary.failed == 0
            assert sum(canary.latencies) == canary.requests
            shares[weight] = canary.requests / (canary.requests + stable.requests)
        target.route(2, None, 0)
        target.unload(1)
        assert traffic(target) == (2, None, 0)
        target.route(2, None, 0)
    assert shares[5] == pytest.approx(0.05, abs=0.03)
    assert shares[50] == pytest.approx(0.5, abs=0.03)
    assert shares[100] > 0.97  # one of 257 requests stays with production
    assert users.answers.keys() == {200}
    with target.hold("the end"):
        removed = target.destroy()
    assert sorted(name.partition(" ")[0] for name in removed) == ["container", "container", "network", "volume"]
    assert site.made() == []


def test_a_canary_that_fails_is_answered_for_by_production(site):
    target = site.target(canary={"max_latency_p99_ms": 1000})
    target.start()
    target.load(site.version(1))
    target.load(site.version(2))
    target.route(1, 2, 100)
    url = target.serving().rest
    site.behave(2, fail_share=1)
    target.seen(1), target.seen(2)
    assert {predict(url)[0] for _ in range(20)} == {200}
    seen = target.seen(2)
    assert (seen.requests, seen.failed) == (20, 20)
    assert target.seen(1).failed == 0
    # And what the client did wrong is no failure of either.
    site.behave(2, fail_share=0)
    assert {predict(url, b"{")[0] for _ in range(5)} == {400}
    seen = target.seen(2)
    assert (seen.requests, seen.failed) == (5, 0)


def test_a_version_that_fails_alone_is_counted(site):
    target = site.target()
    target.start()
    target.load(site.version(1))
    target.route(1, None, 0)
    site.behave(1, fail_share=1)
    assert target.seen(1) == Window()  # the first time only begins to count
    assert predict(target.serving().rest)[0] == 500
    seen = target.seen(1)
    assert (seen.requests, seen.failed) == (1, 1)


def test_slow_answers_are_counted_by_the_proxy_and_by_who_asks(site):
    target = site.target(canary={"max_latency_p99_ms": 50})
    target.start()
    target.load(site.version(1))
    target.route(1, None, 0)
    site.behave(1, delay_ms=120)
    target.seen(1)
    predict(target.serving().rest)
    seen = target.seen(1)
    assert (seen.requests, seen.slow, seen.latencies.index(1)) == (1, 1, 7)
    assert target.ask(1, GOLDEN.body, 10).seconds > 0.12
    assert target.ask(1, GOLDEN.body, 0.05).status is None
    assert target.seen(1) == Window(latencies=(0,) * 15)  # nobody but the deployer asked


def test_one_version_can_be_asked_whatever_the_traffic(site):
    target = site.target()
    target.start()
    target.load(site.version(1))
    target.load(site.version(2, golden=None, answer=7))
    target.route(1, None, 0)
    url = target.serving().rest
    assert json.loads(target.ask(2, GOLDEN.body, 10).body)["predictions"] == [8.0]
    assert json.loads(predict(url, version=2)[1])["predictions"] == [8.0]
    assert json.loads(predict(url)[1])["predictions"] == [1.0]
    status, body = predict(url, version=9)
    assert (status, b"Servable not found" in body) == (404, True)


def test_users_requests_are_sampled_while_somebody_asks_for_them(site):
    target = site.target()
    target.start()
    target.load(site.version(1))
    target.route(1, None, 0)
    url = target.serving().rest
    assert target.sample(100) == ()
    bodies = [b'{"instances": [%d]}' % number for number in range(5)]
    for body in bodies:
        predict(url, body)
    target.ask(1, GOLDEN.body, 5)
    assert sorted(target.sample(100)) == bodies
    predict(url, b'{"instances": [' + b"1, " * 50_000 + b"1]}")  # longer than what the proxy keeps of one
    assert target.sample(0) == ()
    predict(url)
    assert target.sample(0) == ()


def test_a_proxy_that_is_started_anew_has_the_same_versions_and_weights(site):
    target = site.target()
    target.start()
    target.load(site.version(1))
    target.load(site.version(2))
    target.route(1, 2, 5)
    target.ask(1, GOLDEN.body, 5)
    site.proxy().restart(timeout=1)
    eventually(lambda: target.serving().rest)
    assert traffic(target) == (1, 2, 5)
    assert target.ask(1, GOLDEN.body, 5).status == 200
    assert [running.problem for running in target.serving().versions] == ["", ""]
    assert predict(target.serving().rest)[0] == 200


def test_a_version_that_dies_comes_back_at_the_same_address(site):
    target = site.target()
    target.start()
    target.load(site.version(1))
    target.load(site.version(2))
    target.route(1, 2, 50)
    url = target.serving().rest
    before = site.container(2).attrs["NetworkSettings"]["Networks"]
    target.seen(2)
    site.behave(2, crash="after 0 requests")
    with Users(url) as users:
        eventually(lambda: site.container(2).attrs["RestartCount"], 30)
    assert users.answers.keys() == {200}
    assert target.seen(2).failed > 0
    eventually(lambda: problem_of(target, 2) == "", 30)
    [after] = site.container(2).attrs["NetworkSettings"]["Networks"].values()
    assert [each["IPAMConfig"] for each in before.values()] == [after["IPAMConfig"]]


def test_a_canary_that_is_started_again_fails_no_user_while_it_loads(site):
    target = site.target()
    target.start()
    target.load(site.version(1))
    target.load(site.version(2, load_seconds=4, crash="after 40 requests"))
    target.route(1, 2, 50)  # at once: nobody waits for the proxy's own look at it
    target.seen(1), target.seen(2)
    with Users(target.serving().rest) as users:
        eventually(lambda: site.container(2).attrs["RestartCount"] > 0)
        time.sleep(2)
    assert users.answers.keys() == {200}
    # Its 404s are its failures, hundreds of them, and not only the ones of the moment in which it died.
    assert target.seen(2).failed > 50
    assert target.seen(1).failed < 5  # who was asked first is not always known in the moment in which one dies


def test_a_version_that_nobody_has_is_nobodys_failure(site):
    target = site.target()
    target.start()
    target.load(site.version(1))
    target.load(site.version(2))
    target.route(1, 2, 50)
    target.seen(1), target.seen(2)
    url = target.serving().rest
    other = url.replace(site.model, "another")
    assert {predict(other)[0] for _ in range(20)} == {404}
    assert target.seen(1).requests == target.seen(2).requests == 0


def problem_of(target, version):
    return target.serving().find(version).problem


def test_everything_may_be_done_again(site):
    first = site.target()
    first.start()
    first.load(site.version(1))
    first.route(1, None, 0)
    again = site.target()
    again.start()
    container = site.container(1).id
    again.load(site.version(1))
    assert site.container(1).id == container
    again.unload(7)
    again.route(1, None, 0)
    with pytest.raises(StageFailed, match="version 1 gets traffic"):
        again.unload(1)
    with pytest.raises(StageFailed, match="version 7 is not there"):
        again.route(1, 7, 5)


def test_a_version_that_takes_a_while_gets_traffic_as_soon_as_it_is_ready(site):
    target = site.target()
    target.start()
    target.load(site.version(1, load_seconds=3))  # the proxy has found it down by then
    target.route(1, None, 0)
    assert predict(target.serving().rest)[0] == 200


def test_small_texts_are_kept_with_the_target(site):
    target = site.target()
    assert target.recall("known-good") is None
    target.start()
    target.remember("known-good", '{"é": 1}')
    again = site.target()
    assert again.recall("known-good") == '{"é": 1}'
    site.proxy().remove(force=True)
    again.start()
    assert again.recall("known-good") == '{"é": 1}'
    again.remember("known-good", None)
    assert again.recall("known-good") is None


def test_other_ports_make_the_proxy_anew_and_other_limits_do_not(site):
    target = site.target()
    target.start()
    target.load(site.version(1))
    target.route(1, None, 0)
    proxy = site.proxy()
    slower = site.target(canary={"max_latency_p99_ms": 1})
    with Users(target.serving().rest) as users:
        slower.start()
    assert users.answers.keys() == {200}
    assert site.proxy().id == proxy.id
    assert site.proxy().attrs["State"]["StartedAt"] == proxy.attrs["State"]["StartedAt"]
    site.behave(1, delay_ms=20)
    slower.seen(1)
    predict(slower.serving().rest)
    assert slower.seen(1).slow == 1
    site.engine.client.networks.create(f"{site.model}-web", labels={"jenkins-ml.io/model": site.model})
    joined = site.target(network=f"{site.model}-web")
    joined.start()
    assert site.proxy().id != proxy.id
    assert traffic(joined) == (1, None, 0)
    assert predict(joined.serving().rest)[0] == 200
    joined.destroy()


def test_what_is_told_right_after_a_reload_is_told_to_the_new_process(site):
    """The old one still answers for a moment, and refuses changes."""
    site.target().start()
    for number in range(1, 6):
        target = site.target(canary={"max_latency_p99_ms": number})
        target.start()
        target.load(site.version(number))
        target.route(number, None, 0)
        assert target.serving().stable == number
        assert predict(target.serving().rest)[0] == 200


def test_an_image_with_the_model_inside(site):
    repository = f"jenkins-ml-tests/{site.model}"
    target = site.target(image={"repository": repository, "push": False})
    target.start()
    target.load(site.version(1))
    built = site.client.images.get(f"{repository}:1")
    try:
        assert site.container(1).attrs["Image"] == built.id
        assert target.serving().versions[0].image == built.id
        assert target.ask(1, GOLDEN.body, 5).status == 200
        target.destroy()
    finally:
        site.clear()
        site.client.images.remove(built.id, force=True)


def test_two_environments_are_apart(site):
    one, other = site.target("staging"), site.target("production")
    for target in (one, other):
        target.start()
        target.load(site.version(1))
        target.route(1, None, 0)
    one.destroy()
    assert one.serving().versions == ()
    assert predict(other.serving().rest)[0] == 200
    assert all("production" in name for name in site.made())


def test_metrics_of_the_proxy_and_of_each_version(site):
    target = site.target()
    target.start()
    target.load(site.version(1))
    target.route(1, None, 0)
    predict(target.serving().rest)
    port = site.proxy().attrs["NetworkSettings"]["Ports"]["8404/tcp"][0]["HostPort"]
    assert 'proxy="rest",server="v1"' in read(f"http://127.0.0.1:{port}/metrics")
    assert ":tensorflow:serving:request_count" in read(f"http://127.0.0.1:{port}/versions/1/metrics")


def read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()
