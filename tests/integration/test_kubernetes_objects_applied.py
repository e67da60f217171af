"""A real API server takes our objects as they are: nothing is changed, dropped or refused, and applying again changes nothing."""

import itertools
import json

import pytest

from jenkins_ml.rendering.kubernetes.quantity import canonical
from tests.engines import binaries
from tests.fakes.kubernetes_objects import objects, version

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]

NUMBERS = itertools.count()

GATEWAY = {"traffic": "httproute", "gateway": {"name": "public", "hostnames": ["digits.example.com"]}, "grpc": True}
EVERYTHING = {
    "resources": {"cpu": "0.25", "cpu_limit": "1.5", "memory": "1024Mi", "gpu": 1},
    "pull_secrets": ["registry"],
    "node_selector": {"kubernetes.io/os": "linux"},
    "clients": {"app": "web"},
    "autoscale": {"min": 2, "max": 4},
}
CONFIGURATIONS = {
    "plain": {},
    "everything": EVERYTHING,
    "volume": {"volume": {"claim": "models", "path": "store"}},
    "object store": {
        "object_store": {"url": "s3://m", "image": "aws", "command": ["cp", "{source}", "{target}"], "secret": "s"}
    },
    "weights": GATEWAY,
    "argo": {"traffic": "argo-rollouts"},
    "our server": {"server": {"kind": "jenkins-ml", "image": "server:1"}},
}


@pytest.fixture(scope="module")
def defined(cluster):
    """The resources that others define."""
    installed = [
        *cluster.install(binaries.definitions("sigs.k8s.io/gateway-api", "config/crd/standard")),
        *cluster.install(binaries.definitions("github.com/argoproj/argo-rollouts", "manifests/crds")),
    ]
    yield
    cluster.uninstall(installed)


@pytest.fixture
def namespace(cluster):
    """One in which only pods of the restricted profile are allowed."""
    name = f"applied-{next(NUMBERS)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def made(kubernetes, namespace):
    own = {key: value for key, value in kubernetes.items() if key != "server"}
    server = kubernetes.get("server", {})
    here = objects(model="3d_shapes.v2", server=server, kubernetes={"namespace": namespace, **own})
    seven, eight = version(7), version(8, stable=7, replicas=1)
    yield from here.shared()
    yield here.service(here.selector(7, 8, 33), {"a": "note"})
    if kubernetes.get("traffic") == "argo-rollouts":
        yield here.rollout(seven)
        return
    for each in (seven, eight):
        yield here.deployment(each)
        yield here.version_service(each)
    if kubernetes.get("traffic") == "httproute":
        yield here.route(7, 8, 33, {"a": "note"})
    scaled = here.autoscaler(7)
    if scaled is not None:
        yield scaled


def apply(cluster, thing):
    said = cluster.kubectl(
        "apply", "--server-side", "--field-manager=jenkins-ml", "-o=json", "-f=-", said=json.dumps(thing)
    )
    return json.loads(said)


def differences(wanted, found, path=""):
    """Where an object is not as it was wanted; what is there beside that does not count."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            if key in found:
                yield from differences(value, found[key], f"{path}.{key}")
            else:
                yield f"{path}.{key} is not there"
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for place, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(one, other, f"{path}[{place}]")
    elif wanted != found or type(wanted) is not type(found):
        yield f"{path}: {wanted!r} became {found!r}"


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.usefixtures("defined")
def test_what_is_applied_is_what_is_there(cluster, namespace, name):
    for thing in made(CONFIGURATIONS[name], namespace):
        first = apply(cluster, thing)
        assert list(differences(thing, first)) == []
        again = apply(cluster, thing)
        # Its status may have changed by now, and nothing else.
        assert again["metadata"].get("generation") == first["metadata"].get("generation")
        assert again.get("spec") == first.get("spec")


def test_the_restricted_profile_lets_the_pods_in(cluster, namespace):
    here = objects(kubernetes={"namespace": namespace})
    for thing in (here.account(), here.service(here.selector(7, None, 0)), here.deployment(version())):
        apply(cluster, thing)
    cluster.kubectl(
        "rollout", "status", "--timeout=60s", f"--namespace={namespace}", f"deployment/{here.of_version(7)}"
    )

    def addresses():
        said = cluster.kubectl(
            *(
                "get",
                "endpointslices",
                f"--namespace={namespace}",
                "-o=json",
                f"-l=kubernetes.io/service-name={here.name}",
            )
        )
        return [each for one in json.loads(said)["items"] for each in one["endpoints"] or ()]

    cluster.daemons["kwok"].wait_until("the Service has both pods", lambda: len(addresses()) == 2)


@pytest.mark.parametrize(
    "amount", ["0.5", "1.0", "2000m", "0.0015", "1500000", "1.5G", "1024Mi", "0.5Gi", "0.5Ki", "1000Ki"]
)
def test_amounts_are_written_as_the_api_server_does(cluster, namespace, amount):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "amount", "namespace": namespace},
        "spec": {"hard": {"requests.storage": amount}},
    }
    assert apply(cluster, quota)["spec"]["hard"] == {"requests.storage": canonical(amount)}
