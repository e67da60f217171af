"""The Kubernetes control plane that other tests run on: its controllers and scheduler work, on simulated nodes."""

import subprocess
import uuid

import pytest

from tests.engines import binaries

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]


@pytest.fixture
def namespace(cluster):
    """The name of a namespace."""
    name = f"engines-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def test_pods_of_a_deployment_become_ready_on_simulated_nodes(cluster, namespace):
    cluster.kubectl("-n", namespace, "create", "deployment", "web", "--image=none", "--replicas=3")
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
    nodes = cluster.kubectl("-n", namespace, "get", "pods", "-o=jsonpath={.items[*].spec.nodeName}").split()
    assert set(nodes) == {"node-1", "node-2", "node-3"}


def test_a_node_comes_and_goes(cluster):
    cluster.add_node("guest", {"zone": "b"})
    assert "zone=b" in cluster.kubectl("get", "node", "guest", "--show-labels")
    cluster.remove_node("guest")
    assert not cluster.node_ready("guest")


def test_the_api_server_comes_back_with_what_it_knew(cluster, namespace):
    cluster.kubectl("-n", namespace, "create", "configmap", "kept", "--from-literal=a=1")
    cluster.kill_api_server()
    with pytest.raises(ConnectionError):
        cluster.request("GET", "/livez")
    cluster.start_api_server()
    assert cluster.kubectl("-n", namespace, "get", "configmap", "kept", "-o=jsonpath={.data.a}") == "1"


def test_definitions_of_resources_are_installed_and_taken_away(cluster):
    installed = cluster.install(binaries.definitions("sigs.k8s.io/gateway-api", "config/crd/standard"))
    try:
        assert cluster.kubectl("get", "httproutes", "--all-namespaces") == ""
    finally:
        cluster.uninstall(installed)
    assert "httproutes" not in cluster.kubectl("get", "customresourcedefinitions", "-o=name")


def test_definitions_of_argo_rollouts_are_there():
    assert binaries.definitions("github.com/argoproj/argo-rollouts", "manifests/crds/rollout-crd.yaml").is_file()


def test_the_tools_are_there(cluster):
    for tool, argument in (("helm", "version"), ("kubeconform", "-v"), ("kwok", "--version")):
        assert subprocess.run([cluster.programs / tool, argument], capture_output=True, check=True).stdout
