"""Releases by the command line on a real kubelet with containerd: pods with our server answer users through the Service."""

import json
import shutil
import uuid

import pytest

from tests.engines import images
from tests.engines.archives import Image
from tests.fakes.docker_site import Users, predict
from tests.fakes.engine_repository import answer_of, configure, status, train_and_gate

pytestmark = [pytest.mark.node, pytest.mark.tensorflow, pytest.mark.xdist_group("node")]
SERVER = "jenkins-ml-tests/server:local"
BODY = b'{"instances": [[3.0, 3.0, 3.0, 3.0]]}'


def server_image():
    """Our server as people would pack it."""
    python = images.python()
    entrypoint = ["python3", "-m", "jenkins_ml.server.standalone"]
    return Image(SERVER, python.layers, {**python.config, "Entrypoint": entrypoint, "Cmd": []})


@pytest.fixture
def namespace(node_cluster):
    name = f"ml-{uuid.uuid4().hex[:8]}"
    node_cluster.kubectl("create", "namespace", name)
    # What our pods may do is what the strictest of the standard policies lets them.
    node_cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    node_cluster.kubectl("delete", "namespace", name, "--wait=true", "--timeout=60s")


def claim_of_store(cluster, namespace, store):
    """A volume claim that holds the model store."""
    size = {"storage": "1Gi"}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": namespace},
        "spec": {
            "capacity": size,
            "accessModes": ["ReadOnlyMany"],
            "hostPath": {"path": str(store)},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": namespace, "name": "store"},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "store", "namespace": namespace},
        "spec": {
            "accessModes": ["ReadOnlyMany"],
            "resources": {"requests": size},
            "storageClassName": "",
            "volumeName": namespace,
        },
    }
    for thing in (volume, claim):
        cluster.kubectl("apply", "-f", "-", said=json.dumps(thing))


def test_pods_serve_predictions_through_the_service(
    node_cluster, namespace, tmp_path, trained, repository_factory, monkeypatch
):
    monkeypatch.setenv("KUBECONFIG", str(node_cluster.kubeconfig))
    node_cluster.load(server_image())
    shutil.copytree(trained.folder, tmp_path / "project")
    with repository_factory(tmp_path / "project") as repository:
        claim_of_store(node_cluster, namespace, repository.store_root)
        kubernetes = {
            "namespace": namespace,
            "replicas": 1,
            "volume": {"claim": "store"},
            "resources": {"cpu": "100m", "memory": "1Gi"},
            "ready_timeout": "5m",
        }
        configure(
            repository,
            target="kubernetes",
            server={"image": SERVER, "kind": "jenkins-ml"},
            kubernetes=kubernetes,
            rest_port=8501,
            grpc_port=8500,
            canary={"steps": [50, 100], "interval": "3s", "min_requests": 20},
        )
        repository.change("jenkins-ml.yaml", "check: none", "check: export")
        repository.ok("serve", run="first")
        address = node_cluster.kubectl(
            *("get", "service", "tiny-production", f"--namespace={namespace}", "-o=jsonpath={.spec.clusterIP}")
        )
        url = f"http://{address}:8501/v1/models/tiny"
        code, answer = predict(url, BODY)
        assert (code, [round(score, 2) for [score] in json.loads(answer)["predictions"]]) == (200, [1.0])

        train_and_gate(repository, "second")
        with Users(url, rate=40, body=BODY) as users:
            done = repository.ok("serve", run="second")
            assert "50 % of the traffic to version 2" in done.err
            seen = status(repository)
            assert (seen["version"], seen["replicas"], seen["warm"], seen["problem"]) == (2, "1 of 1 ready", "1", None)
            repository.ok("rollback", "--reason", "it is slow")
        assert set(users.answers) == {200}, "a user went without an answer"
        assert status(repository)["traffic"] == "version 1"

        removed = answer_of(repository, "destroy", "--yes")["removed"]
        assert "Service tiny-production" in removed
        left = node_cluster.kubectl(
            *("get", "all,networkpolicies,poddisruptionbudgets,leases", f"--namespace={namespace}", "-o=name")
        )
        assert left == ""
