"""The real Kubernetes node that other tests run on: its pods serve through Services, and its kubelet answers for them."""

import time
import urllib.request
import uuid

import pytest

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module")
def web(node_cluster):
    """The name of a pod, and of a Service, that serve the files of the base image."""
    name = f"web-{uuid.uuid4().hex[:8]}"
    serve = ("--", "python3", "-u", "-m", "http.server", "8000")
    node_cluster.kubectl("run", name, f"--image={node_cluster.base}", "--port=8000", "--expose", *serve)
    node_cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
    yield name
    node_cluster.kubectl("delete", "pod,service", name, "--now", "--wait=false")


@pytest.fixture(scope="module")
def address(node_cluster, web):
    return node_cluster.kubectl("get", "service", web, "-o=jsonpath=http://{.spec.clusterIP}:8000/")


def ask(address, tries=100):
    for _ in range(tries):
        try:
            with DIRECT.open(address, timeout=5) as answer:
                return answer.read()
        except OSError as error:  # kube-proxy has not heard of it yet
            last = error
        time.sleep(0.1)
    raise last


def test_a_pod_answers_through_its_service(address):
    assert b"Directory listing" in ask(address)


def test_a_pod_reaches_a_service(node_cluster, web, address):
    ask(address)
    script = f"import urllib.request as r; print(r.urlopen('{address}', timeout=10).status)"
    assert node_cluster.kubectl("exec", web, "--", "python3", "-c", script) == "200\n"


def test_what_a_container_writes_is_kept(node_cluster, web, address):
    ask(address)
    assert "GET / " in node_cluster.kubectl("logs", web)


def test_our_server_starts_in_the_image_with_python(node_cluster):
    name = f"server-{uuid.uuid4().hex[:8]}"
    command = ("python3", "-m", "jenkins_ml.server.standalone", "--help")
    said = node_cluster.kubectl(
        *(
            "run",
            name,
            f"--image={node_cluster.python}",
            "--restart=Never",
            "--attach",
            "--rm",
            "--quiet",
            "--",
            *command,
        )
    )
    assert "--model_base_path" in said
