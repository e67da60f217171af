"""What can go wrong on a cluster: each ends in a stated state, and in a message that names the cause."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from jenkins_ml.adapters.kubernetes import kinds
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable, UsageError
from tests.fakes.kubernetes_site import NODE, pods_answer, site_of

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]

QUOTA = kinds.Kind("ResourceQuota", "v1", "resourcequotas")
ADMISSION = kinds.Kind("ValidatingAdmissionPolicy", "admissionregistration.k8s.io/v1", "validatingadmissionpolicies")
BINDING = kinds.Kind(
    "ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings"
)


@pytest.fixture
def api(cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    return Api(connect(None))


@pytest.fixture
def site(api):
    with pods_answer(api) as network, site_of(api, network) as here:
        yield here


@pytest.fixture
def serving_one(site):
    """A site with version 1 in production."""
    target = site.target()
    target.load(site.version(1))
    target.route(1, None, 0)
    return site


def fails(site, version, **kubernetes):
    """The error of a load that fails; production is as before, and nothing of the version is left."""
    target = site.target(**{"ready_timeout": "6s", **kubernetes})
    before = target.serving()
    with pytest.raises((IntegrityError, StageFailed, Unavailable, UsageError)) as raised:
        target.load(site.version(version))
    after = target.serving()
    assert (after.stable, after.canary) == (before.stable, before.canary)
    assert after.find(version) is None
    assert site.pods(version) == []
    return raised.value


# --- what the kubelet says, simulated (tests/fakes/simulated_pods.yaml) ----------------------------------------------
@pytest.mark.parametrize(
    ("version", "kind", "words"),
    [
        (901, StageFailed, "image registry.test/m:901 cannot be pulled: Back-off pulling image: not found"),
        (902, IntegrityError, "ended with exit code 134 (Error), 6 times"),
        (903, IntegrityError, "used more than its 1Gi of memory (OOMKilled)"),
        (904, IntegrityError, "does not become ready: Readiness probe failed: HTTP probe failed with statuscode: 404"),
        (906, StageFailed, 'cannot be started: secret "models" not found'),
    ],
)
def test_pods_that_do_not_come_up(serving_one, version, kind, words):
    error = fails(serving_one, version)
    assert type(error) is kind
    assert words in error.what


def test_the_log_of_a_container_that_crashes_is_shown(serving_one):
    assert "Check failed: no such op" in fails(serving_one, 902).what


def test_a_crash_loop_is_not_waited_for(serving_one):
    began = time.monotonic()
    fails(serving_one, 902, ready_timeout="10m")
    assert time.monotonic() - began < 60  # not ten minutes


def test_an_init_container_that_fails(serving_one):
    store = {"url": "s3://models/store", "image": "r/aws:1", "command": ["cp", "{source}", "{target}"]}
    error = fails(serving_one, 905, object_store=store)
    assert type(error) is StageFailed
    assert "init container" in error.what
    assert "ended with exit code 1" in error.what


# --- what the API server, its controllers and the scheduler say, really ----------------------------------------------
def test_no_node_has_room(serving_one):
    error = fails(serving_one, 2, resources={"cpu": "2000"})
    assert type(error) is Unavailable
    assert "cannot be scheduled: 0/" in error.what
    assert "Insufficient cpu" in error.what


def test_a_quota_that_is_used_up(serving_one):
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "3"}}}
    serving_one.api.create(QUOTA, serving_one.namespace, quota)
    error = fails(serving_one, 2)
    assert type(error) is Unavailable
    assert "exceeded quota: small" in error.what


@pytest.mark.parametrize(("group", "resource"), [("apps", "deployments"), ("", "pods")])
def test_a_policy_of_the_cluster(serving_one, group, resource):
    """It may keep the Deployment from being made, or only its pods."""
    name = f"no-{resource}-{serving_one.namespace}"
    rule = {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "images come from registry.corp only"}],
    }
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": serving_one.namespace}}}
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": where}
    serving_one.others("POST", ADMISSION.path(None), {"metadata": {"name": name}, "spec": policy})
    serving_one.others("POST", BINDING.path(None), {"metadata": {"name": name}, "spec": binding})
    try:
        error = refused_in_the_end(serving_one)
        assert error.what.startswith("a policy of the cluster forbids to")
        assert "images come from registry.corp only" in error.what
        assert serving_one.target().serving().find(2) is None
    finally:
        for kind in (BINDING, ADMISSION):
            serving_one.others("DELETE", kind.path(None, name), {})


def refused_in_the_end(site):
    """A policy takes effect a moment after it was made."""
    for _ in range(60):
        target = site.target()
        try:
            target.load(site.version(2))
        except StageFailed as error:
            return error
        target.unload(2)
    return pytest.fail("it was never refused")


def test_pods_pass_the_strictest_standard(api):
    with (
        pods_answer(api) as network,
        site_of(api, network, **{"pod-security.kubernetes.io/enforce": "restricted"}) as site,
    ):
        store = {"url": "s3://models/store", "image": "r/aws:1", "command": ["cp", "{source}", "{target}"]}
        site.target(object_store=store).load(site.version(1))
        assert site.target().serving().find(1).ready == 3


def test_a_namespace_that_is_not_there(site):
    with pytest.raises(UsageError) as raised:
        site.target(namespace="nowhere").load(site.version(1))
    assert raised.value.what == "there is no namespace nowhere"
    with pytest.raises(UsageError, match="there is no namespace nowhere"), site.target(namespace="nowhere").hold("me"):
        pass


def test_another_manager_of_the_service(serving_one):
    target = serving_one.target()
    target.load(serving_one.version(2))
    [service] = serving_one.api.list(kinds.SERVICE, serving_one.namespace)["items"]
    name = service["metadata"]["name"]
    path = kinds.SERVICE.path(serving_one.namespace, name)
    selector = {**service["spec"]["selector"], "hand": "made"}
    serving_one.others("PATCH", path, {"spec": {"selector": selector}}, "application/merge-patch+json")
    with pytest.raises(StageFailed) as raised:
        target.route(1, 2, 25)
    assert '"somebody" manages what this would change' in raised.value.what
    assert ".spec.selector" in raised.value.what
    assert serving_one.api.get(kinds.SERVICE, serving_one.namespace, name)["spec"]["selector"] == selector


def test_a_node_that_goes_in_the_middle(api, serving_one):
    """Its pods are made anew on another one, and waited for."""
    target = serving_one.target()
    node = serving_one.pods(1)[0]["spec"]["nodeName"]
    own = api.get(NODE, None, node)
    serving_one.others("DELETE", NODE.path(None, node), {})
    try:
        lost = [pod["metadata"]["name"] for pod in serving_one.pods(1) if pod["spec"]["nodeName"] == node]
        for name in lost:  # what the garbage collector does a while later
            serving_one.others("DELETE", kinds.POD.path(serving_one.namespace, name), {"gracePeriodSeconds": 0})
        target.load(serving_one.version(1))
        target.load(serving_one.version(2))
        target.route(1, 2, 25)
        assert {pod["spec"]["nodeName"] for pod in serving_one.pods(1)}.isdisjoint({node})
    finally:
        api.create(NODE, None, {"metadata": {"name": node, "labels": own["metadata"].get("labels") or {}}})


def test_the_api_server_restarts_in_the_middle(cluster, serving_one):
    target = serving_one.target()

    def release():
        for weight in (25, 50, 100):
            target.route(1, 2, weight)
        target.route(2, None, 0)

    with target.hold("me"), ThreadPoolExecutor(1) as pool:
        target.load(serving_one.version(2))
        cluster.kill_api_server()
        released = pool.submit(release)
        time.sleep(2)
        cluster.start_api_server()
        released.result()
        assert target.serving().stable == 2
    assert any("does not answer" in line for line in serving_one.said)
    assert any("answers again" in line for line in serving_one.said)


def test_an_api_server_that_does_not_come_back(serving_one, monkeypatch):
    target = serving_one.target()
    target.api.connection.server = "https://127.0.0.1:9"
    monkeypatch.setattr(target.api, "_patience", 0.3)
    with pytest.raises(Unavailable, match=r"the API server at https://127.0.0.1:9 does not let us"):
        target.route(1, None, 0)


def test_no_cluster_at_all(site, tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="there is no way to a cluster"):
        site.target().serving()
    with pytest.raises(UsageError, match="there is no way to a cluster context elsewhere"):
        site.target(context="elsewhere").serving()
