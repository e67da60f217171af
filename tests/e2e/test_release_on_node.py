"""Releases by the command line on a real kubelet with containerd: pods with our server answer users through the Service."""

import base64
import json
import re
import shutil
import urllib.error
import urllib.request
import uuid

import pytest

from jenkins_ml import names
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


@pytest.fixture
def served(node_cluster, namespace, tmp_path, trained, repository_factory, monkeypatch):
    """Makes a repository that releases to the node, configured further: in the keys of `serve`, and of its kubernetes."""
    monkeypatch.setenv("KUBECONFIG", str(node_cluster.kubeconfig))
    node_cluster.load(server_image())
    shutil.copytree(trained.folder, tmp_path / "project")
    with repository_factory(tmp_path / "project") as repository:
        claim_of_store(node_cluster, namespace, repository.store_root)

        def configured(replicas, **canary):
            kubernetes = {
                "namespace": namespace,
                "replicas": replicas,
                "volume": {"claim": "store"},
                "resources": {"cpu": "100m", "memory": "1Gi"},
                "ready_timeout": "5m",
            }
            configure(
                repository,
                target="kubernetes",
                server={"image": SERVER, "kind": "jenkins-ml", "arguments": ["--log_format=ecs"]},
                kubernetes=kubernetes,
                rest_port=8501,
                grpc_port=8500,
                canary={"min_requests": 20, **canary},
            )
            repository.change("jenkins-ml.yaml", "check: none", "check: export")
            return repository

        yield configured


def url_of(cluster, namespace):
    address = cluster.kubectl(
        *("get", "service", "tiny-production", f"--namespace={namespace}", "-o=jsonpath={.spec.clusterIP}")
    )
    return f"http://{address}:8501/v1/models/tiny"


def test_pods_serve_predictions_through_the_service(node_cluster, namespace, served):
    repository = served(1, steps=[50, 100], interval="3s")
    repository.ok("serve", run="first")
    url = url_of(node_cluster, namespace)
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


def sample(address, token=None):
    """What somebody in the pods' network gets who asks a pod, or the Service, for the sample."""
    headers = {} if token is None else {names.TOKEN_HEADER: token}
    request = urllib.request.Request(f"http://{address}:8501{names.SAMPLE_PATH}?percent=0", b"", headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def logged_with_its_origin(cluster, namespace, users):
    """Each request of users is a line of some pod's log, which says where the version comes from."""
    text = cluster.kubectl("logs", f"--namespace={namespace}", "--selector=jenkins-ml.io/version=1", "--tail=-1")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["event"]["dataset"] == "jenkins_ml.requests"]
    assert len(requests) >= users
    assert {line["service"]["environment"] for line in requests} == {"production"}
    [labels] = {tuple(sorted(line["labels"].items())) for line in requests}
    labels = dict(labels)
    assert re.fullmatch(r"[0-9a-f]{40}", labels["commit"])
    assert labels["run"] == "first"
    assert labels["release"].isdigit()
    assert "@" in labels["build"], "whoever trained it outside of Jenkins"


def test_a_shadow_step_finds_what_users_would_have_met(node_cluster, namespace, served):
    """The new version is as good as production by the gate's examples, and answers what users ask otherwise."""
    repository = served(2, steps=[33, 100], shadow=50, interval="5s")
    repository.ok("serve", run="first")
    # Examples of the two classes lie around 0 and 12, and are told apart at 6, or at 8.5: users ask between these.
    repository.change("model.py", "bias=-6.0", "bias=-8.5")
    repository.commit("another border")
    train_and_gate(repository, "second")

    url = url_of(node_cluster, namespace)
    body = b'{"instances": [[1.875, 1.875, 1.875, 1.875]]}'
    with Users(url, rate=40, body=body) as users:
        bad = repository.call("serve", run="second")
    assert bad.code == 5, bad.err
    assert "shadow: 50 % are copied" in bad.err
    assert "give no sample" not in bad.err
    assert "33 % of the traffic" not in bad.err
    assert re.search(r"version 2 was rolled back: \d+ replayed predictions are .* off", bad.err)
    assert set(users.answers) == {200}
    [answer] = users.bodies
    [[score]] = json.loads(answer)["predictions"]
    assert score > 0.8, "a user got the new version's answer"

    token = node_cluster.kubectl(
        *("get", "secret", "tiny-production-sample", f"--namespace={namespace}", "-o=jsonpath={.data.token}")
    )
    with (repository.folder / names.CONFIG_FILE).open("a") as file:
        file.write("monitor: {}\n")
    drift = json.loads(repository.ok("monitor", "--for", "10ms", "--json").out)["drift"]
    assert (drift["rows"], len(drift["findings"])) == (sum(users.answers.values()), 5)
    logged_with_its_origin(node_cluster, namespace, sum(users.answers.values()))
    pods = node_cluster.kubectl(
        *("get", "pods", f"--namespace={namespace}", "-o=jsonpath={.items[*].status.podIP}")
    ).split()
    assert len(pods) == 2
    for address in (*pods, url.removeprefix("http://").partition(":")[0]):
        assert [sample(address, wrong)[0] for wrong in (None, "x" * 43)] == [401, 401]
    for address in pods:
        # What came since the release ended, if that was a moment ago; then nothing any more.
        codes, answers = zip(*(sample(address, base64.b64decode(token).decode()) for _ in range(2)), strict=True)
        kept, later = ([base64.b64decode(body) for body in json.loads(answer)["bodies"]] for answer in answers)
        assert (codes, later) == ((200, 200), [])
        assert set(kept) <= {body}
    repository.ok("destroy", "--yes")
    left = node_cluster.kubectl("get", "secrets", f"--namespace={namespace}", "-o=name")
    assert left == ""
