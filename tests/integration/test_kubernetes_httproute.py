"""Traffic by the weights of an HTTPRoute: the API server checks it by Gateway API's own schema; no controller runs."""

import threading

import pytest

from jenkins_ml.adapters.kubernetes import kinds
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from jenkins_ml.errors import Unavailable, UsageError
from tests.engines import binaries
from tests.fakes.kubernetes_site import pods_answer, site_of

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]

WEIGHTED = {"traffic": "httproute", "gateway": {"name": "entry", "hostnames": ["digits.example.com"]}}


@pytest.fixture
def api(cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    return Api(connect(None))


@pytest.fixture
def gateway_api(cluster):
    """Gateway API's definitions, out of its Go module; taken away at the end."""
    installed = cluster.install(binaries.definitions("sigs.k8s.io/gateway-api", "config/crd/standard"))
    yield
    cluster.uninstall(installed)


@pytest.fixture
def site(api):
    with pods_answer(api) as network, site_of(api, network) as here:
        yield here


def weights(site):
    [route] = site.api.list(kinds.ROUTE, site.namespace)["items"]
    return [
        backend["weight"] for rule in route["spec"]["rules"] for backend in rule["backendRefs"] if "weight" in backend
    ]


def test_weights_move_the_traffic(gateway_api, site):
    target = site.target(**WEIGHTED)
    target.check((5, 25, 100), 0)  # any steps will do
    with target.hold("me"):
        target.load(site.version(1))
        target.route(1, None, 0)
        target.load(site.version(2))
        for weight in (5, 50, 100):
            target.route(1, 2, weight)
            serving = target.serving()
            assert (serving.stable, serving.canary, serving.weight, serving.share) == (1, 2, weight, float(weight))
            assert sum(weights(site)) == 100
            assert weight in weights(site)
        target.route(2, None, 0)
        target.unload(1)
        serving = target.serving()
        assert (serving.stable, serving.canary, [running.version for running in serving.versions]) == (2, None, [2])
        assert serving.rest.startswith("http")
        assert "digits.example.com" in serving.rest
        removed = target.destroy()
    assert any(name.startswith("HTTPRoute ") for name in removed)
    assert site.made() == []
    assert site.api.list(kinds.ROUTE, site.namespace)["items"] == []


@pytest.mark.parametrize(
    ("kind", "reason", "message"),
    [
        ("Accepted", "NotAllowedByListeners", "no listener allows it"),
        ("ResolvedRefs", "UnsupportedProtocol", "kubernetes.io/h2c is not spoken here"),
    ],
)
def test_a_gateway_that_refuses_the_route(gateway_api, site, kind, reason, message):
    """What its controller would say is written here as it would be."""
    target = site.target(**WEIGHTED, grpc=True)
    target.load(site.version(1))
    ended = threading.Event()

    def controller():
        condition = {
            "type": kind,
            "status": "False",
            "reason": reason,
            "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": 1,
        }
        parent = {"parentRef": {"name": "entry"}, "controllerName": "example.com/c", "conditions": [condition]}
        while not ended.wait(0.05):
            for route in site.api.list(kinds.ROUTE, site.namespace)["items"]:
                path = kinds.ROUTE.path(site.namespace, route["metadata"]["name"], "status")
                site.others("PATCH", path, {"status": {"parents": [parent]}}, "application/merge-patch+json")

    thread = threading.Thread(target=controller)
    thread.start()
    try:
        with pytest.raises(Unavailable, match=f"does not take HTTPRoute .*: {kind}: {message}"):
            target.route(1, None, 0)
    finally:
        ended.set()
        thread.join()


def test_a_cluster_without_gateway_api(site):
    target = site.target(**WEIGHTED)
    with pytest.raises(UsageError) as raised:
        target.load(site.version(1))
    assert "Gateway API" in raised.value.next_step
