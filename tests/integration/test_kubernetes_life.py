"""The whole life of a model's versions on a real API server with its controllers, and simulated nodes."""

import dataclasses
import json

import pytest

from jenkins_ml.adapters.kubernetes import fleet, kinds
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from jenkins_ml.errors import IntegrityError, StageFailed, UsageError
from tests.fakes.kubernetes_site import GOLDEN, pods_answer, site_of
from tests.fakes.repository import wait_until

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]


@pytest.fixture
def site(cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    api = Api(connect(None))
    with pods_answer(api) as network, site_of(api, network) as here:
        yield here


def is_observed(deployment):
    return deployment["status"].get("observedGeneration") == deployment["metadata"]["generation"]


def traffic(serving):
    return serving.stable, serving.canary, serving.weight, serving.share


def test_a_whole_life(site):
    target = site.target()
    with target.hold("the first release"):
        target.start()
        assert target.serving().versions == ()
        target.load(site.version(1))
        assert traffic(target.serving()) == (None, None, 0, None)
        assert target.serving().rest is None
        target.route(1, None, 0)
        assert eventually(target, (1, None, 0, 0.0))

    with target.hold("a release that is promoted"):
        target.load(site.version(2))
        assert eventually(target, (1, None, 0, 0.0))
        for weight, share in ((25, 25.0), (50, 50.0), (100, 100.0)):
            target.route(1, 2, weight)
            assert eventually(target, (1, 2, weight, share))
        target.route(2, None, 0)
        assert eventually(target, (2, None, 0, 0.0))
        assert [(running.version, running.ready) for running in target.serving().versions] == [(1, 3), (2, 3)]

    with target.hold("a rollback to the version that is warm"):
        # Whoever holds the environment stamps its Deployments; until their controller has seen that, a route looks twice.
        wait_until(lambda: all(map(is_observed, site.api.list(kinds.DEPLOYMENT, site.namespace, "")["items"])), "seen")
        before = target.api.connection.requests
        target.route(1, None, 0)
        assert target.api.connection.requests - before <= 6
        assert eventually(target, (1, None, 0, 0.0))

    with target.hold("a bad canary"):
        target.load(site.version(3))
        target.route(1, 3, 25)
        # Version 2 was released after 1, and is warm: its pods must not share the traffic of 1 and 3.
        assert eventually(target, (1, 3, 25, 25.0))
        target.route(1, None, 0)
        target.unload(3)
        assert [running.version for running in target.serving().versions] == [1, 2]

    serving = target.serving()
    assert serving.rest == f"http://{target_service(site)}.{site.namespace}.svc:8501/v1/models/m"
    assert serving.find(1).image.startswith("registry.test/m:1@sha256:")
    assert serving.find(1).manifest_digest == "f" * 64
    with target.hold("the end"):
        removed = target.destroy()
    assert any(name.startswith("Deployment ") for name in removed)
    assert any(name.startswith("Lease ") for name in removed)
    assert site.made() == []


def target_service(site):
    [service] = [name for name in site.made() if name.startswith("Service ")]
    return service.removeprefix("Service ")


def eventually(target, wanted, tries=60):
    """The endpoints follow the selector a moment later."""
    for _ in range(tries):
        if traffic(target.serving()) == wanted:
            return True
        target.api.clock.sleep(0.05)
    return traffic(target.serving()) == wanted or print(target.serving())


def test_everything_may_be_called_again(site):
    target = site.target()
    with target.hold("me"):
        for _ in range(2):
            target.start()
            target.load(site.version(1))
            target.route(1, None, 0)
            target.load(site.version(2))
            target.route(1, 2, 50)
        pods = {pod["metadata"]["name"] for pod in site.pods(1)}
        # Another process, which finds all of it; and for another release, which is no reason for other pods.
        site.target().load(dataclasses.replace(site.version(1), by="somebody", release=99))
        assert {pod["metadata"]["name"] for pod in site.pods(1)} == pods
        target.route(2, None, 0)
        target.unload(7)
        target.unload(1)
        target.unload(1)
        target.destroy()
        assert target.destroy()[:-1] == ()


def test_a_version_that_is_there_needs_no_new_image(site, monkeypatch):
    site.target().load(site.version(1))
    pods = {pod["metadata"]["name"] for pod in site.pods(1)}
    monkeypatch.delattr(type(site), "image")
    site.target().load(site.version(1))
    assert {pod["metadata"]["name"] for pod in site.pods(1)} == pods
    with pytest.raises(AttributeError):
        site.target().load(site.version(2))


def test_only_what_is_ours_is_taken_away(site):
    target = site.target()
    target.load(site.version(1))
    target.route(1, None, 0)
    labels = site.api.list(kinds.SERVICE, site.namespace)["items"][0]["metadata"]["labels"]
    copied = {"metadata": {"name": "theirs", "labels": labels}, "spec": {"ports": [{"port": 80}]}}
    site.others("POST", kinds.SERVICE.path(site.namespace), copied)
    other = site.target("other")
    other.load(site.version(1, model="other"))
    target.destroy()
    assert "Service theirs" in site.made()
    assert [running.version for running in other.serving().versions] == [1]
    other.destroy()
    assert [name for name in site.made() if not name.startswith("EndpointSlice ")] == ["Service theirs"]


def test_a_version_with_traffic_is_not_taken_out(site):
    target = site.target()
    target.load(site.version(1))
    target.route(1, None, 0)
    with pytest.raises(StageFailed, match="version 1 gets traffic"):
        target.unload(1)
    with pytest.raises(StageFailed, match="version 2 is not on the cluster"):
        target.route(1, 2, 25)
    assert target.serving().stable == 1


def test_each_pod_is_asked_before_it_gets_traffic(site):
    target = site.target()
    target.load(site.version(1))
    target.route(1, None, 0)
    site.network.behave(version=2, answer=5)
    with pytest.raises(IntegrityError, match=r"does not predict what version 2 did when it was gated: it predicts"):
        target.load(site.version(2))
    site.network.behave(version=3, never_ready=True)
    with pytest.raises(IntegrityError, match="does not serve version 3: it answers 404"):
        target.load(site.version(3))
    assert [running.version for running in target.serving().versions] == [1]


def test_another_version_of_the_same_number(site):
    target = site.target()
    target.load(site.version(1))
    target.route(1, None, 0)
    target.load(site.version(2))
    pods = {pod["metadata"]["uid"] for pod in site.pods(2)}
    target.load(site.version(2, digest="e"))
    assert target.serving().find(2).manifest_digest == "e" * 64
    assert not pods & {pod["metadata"]["uid"] for pod in site.pods(2)}
    with pytest.raises(IntegrityError, match="another version 1"):
        target.load(site.version(1, digest="e"))


def test_answers_are_counted_by_version(site):
    target = site.target()
    target.load(site.version(1))
    target.route(1, None, 0)
    target.load(site.version(2))
    target.route(1, 2, 50)
    assert target.seen(1).requests == target.seen(2).requests == 0
    site.network.behave(version=2, fail_share=0.5)
    site.users_ask(1, 30)
    failed = site.users_ask(2, 20)
    for _ in range(7):
        answer = target.ask(1, GOLDEN.body, 5)
        assert json.loads(answer.body) == {"predictions": [1.0]}
        assert target.ask(2, GOLDEN.body, 5).status in (200, 500)
    one, two = target.seen(1), target.seen(2)
    assert (one.requests, one.failed) == (30, 0)
    assert sum(one.latencies) == 30
    assert (two.requests, two.failed) == (20, failed)
    assert failed > 0
    assert target.seen(1).requests == target.seen(2).requests == 0


def test_a_pod_that_goes_keeps_what_was_seen(site):
    target = site.target()
    target.load(site.version(1))
    target.route(1, None, 0)
    target.seen(1)
    site.users_ask(1, 9)
    assert target.seen(1).requests == 9
    gone = site.pods(1)[0]
    site.network.restart(gone["status"]["podIP"])
    meta = gone["metadata"]
    site.api.delete(kinds.POD, site.namespace, meta["name"], meta["resourceVersion"])
    target.load(site.version(1))  # waits for the one that replaces it
    site.users_ask(1, 6)
    assert target.seen(1).requests == 6


def test_steps_that_replicas_cannot_form(site):
    with pytest.raises(UsageError) as raised:
        site.target(replicas=2).check((5, 50, 100), 0)
    assert raised.value.what == "2 replicas behind a plain Service cannot form 5 %, only 33, 50, 100 %"
    site.target(replicas=2).check((33, 50, 100), 0)


def test_requests_of_users_are_not_sampled(site):
    with pytest.raises(UsageError, match="cannot be sampled on Kubernetes"):
        site.target(replicas=2).check((33, 50, 100), 5)
    assert site.target().sample(5) == ()


def test_a_small_text_is_kept(site):
    target = site.target()
    assert target.recall("pending-rollback") is None
    target.remember("pending-rollback", '{"a": "é"}')
    with target.hold("me"):
        assert site.target().recall("pending-rollback") == '{"a": "é"}'
        target.remember("pending-rollback", None)
        target.load(site.version(1))  # the lease is still ours after that
    assert site.target().recall("pending-rollback") is None
    target.destroy()


def test_all_models_of_a_cluster_by_the_same_few_requests(site):
    for model in ("a", "b"):
        target = site.target(model)
        target.load(site.version(1, model=model))
        target.route(1, None, 0)
        target.load(site.version(2, model=model))
        target.route(1, 2, 25)
    before = site.api.connection.requests
    found = fleet.fleet(site.api, site.namespace)
    assert site.api.connection.requests - before <= 6
    assert [(each.model, each.environment, each.serving.stable, each.serving.canary) for each in found] == [
        ("a", "production", 1, 2),
        ("b", "production", 1, 2),
    ]
    assert [running.ready for running in found[0].serving.versions] == [3, 1]
    assert found[0].serving == site.target("a").serving()
    assert [each for each in fleet.of_context(None, None, print) if each.namespace == site.namespace] == found
    for model in ("a", "b"):
        site.target(model).destroy()


def test_production_gets_its_autoscaler(site):
    target = site.target(autoscale={"min": 2, "max": 5})
    target.load(site.version(1))
    target.route(1, None, 0)

    def scaled():
        [autoscaler] = site.api.list(kinds.AUTOSCALER, site.namespace)["items"]
        return autoscaler["spec"]["scaleTargetRef"]["name"]

    first = scaled()
    target.load(site.version(2))
    # What an autoscaler would do under load; from then on it is the manager of this field.
    site.api.patch(kinds.DEPLOYMENT, site.namespace, first, {"spec": {"replicas": 4}}, "merge")
    target.route(1, 2, 50)
    assert scaled() == first
    assert target.serving().find(2).ready == 4
    target.route(2, None, 0)
    assert scaled() != first
    assert target.serving().find(2).ready == 4
    without = site.target()  # the configuration has no autoscaler any more
    without.route(2, None, 0)
    without.load(site.version(2))
    assert site.api.list(kinds.AUTOSCALER, site.namespace)["items"] == []
    assert without.serving().find(2).replicas == 3
