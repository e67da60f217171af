"""One namespace of a simulated cluster, with a model server behind the address of each pod, for tests of releases."""

import contextlib
import json
import uuid

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes import kinds
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.target import KubernetesTarget
from jenkins_ml.adapters.target import Golden, Servable
from jenkins_ml.config.serve import Serve
from tests.fakes.pod_network import PodNetwork, routed_here
from tests.fakes.versions import servable

NODE = kinds.Kind("Node", "v1", "nodes")
NAMESPACE = kinds.Kind("Namespace", "v1", "namespaces")
GOLDEN = Golden(
    body=b'{"instances": [1.0]}',
    check=lambda body: None if json.loads(body)["predictions"] == [1.0] else f"it predicts {body.decode()}",
)


class Site:
    """`api` is the administrator's; `said` is what the targets told of their progress."""

    def __init__(self, api: Api, namespace: str, network: PodNetwork) -> None:
        self.api, self.namespace, self.network = api, namespace, network
        self.said: list[str] = []

    def section(self, **kubernetes: object) -> dict[str, object]:
        """`serve` as it stands in jenkins-ml.yaml; `steps`, `shadow` and `server` belong above, the rest below `kubernetes`."""
        steps, shadow = kubernetes.pop("steps", (25, 50, 100)), kubernetes.pop("shadow", 0)
        server = kubernetes.pop("server", {})
        return {
            "target": "kubernetes",
            "image": {"repository": "registry.test/m"},
            "server": server,
            "canary": {"steps": steps, "shadow": shadow, "interval": "1s", "max_latency_p99_ms": 1000},
            "kubernetes": {"namespace": self.namespace, "replicas": 3, "ready_timeout": "30s", **kubernetes},
        }

    def serve(self, **kubernetes: object) -> Serve:
        return Serve.model_validate(self.section(**kubernetes))

    def target(self, model: str = "m", environment: str = "production", lease: float = 15.0, **kubernetes: object):
        return KubernetesTarget(
            model, environment, self.serve(**kubernetes), self.said.append, lease, lambda wanted: self.image(wanted)
        )

    def image(self, wanted: Servable) -> str:
        """What a build would answer."""
        return f"registry.test/m:{wanted.version}"

    @staticmethod
    def version(number: int, golden: Golden | None = GOLDEN, digest: str = "f", model: str = "m"):
        return servable(number, golden=golden, digest=digest, model=model)

    def made(self) -> list[str]:
        """Everything of ours in the namespace, and what came of it; but for kinds that may not be installed."""
        every = (*kinds.MADE, kinds.LEASE, kinds.POD, kinds.SLICE, kinds.REPLICASET)
        found = []
        for kind in every:
            if kind not in kinds.ADDED:
                listed = self.api.list(kind, self.namespace, f"{names.LABEL_MANAGED_BY}={names.OWNER}")
                found += [f"{kind.name} {thing['metadata']['name']}" for thing in listed["items"]]
        return found

    def pods(self, version: int) -> list[kinds.Object]:
        return self.api.list(kinds.POD, self.namespace, f"{names.LABEL_VERSION}={version}")["items"]

    def users_ask(self, version: int, times: int) -> int:
        """What users' requests would do to the counters of its pods; answers how many failed."""
        addresses = [pod["status"]["podIP"] for pod in self.pods(version)]
        return self.network.users_ask(addresses, "m", version, times)

    def others(self, method: str, target: str, body: kinds.Object, media: str = "application/json") -> None:
        """A request of somebody else, whose field manager is "somebody"."""
        body = json.dumps(body).encode()
        headers = {"Content-Type": media}
        target = f"{target}?fieldManager=somebody"
        answer = self.api.connection.send(method, target, body, headers, 10, stream=False)
        assert answer.status < 300, answer.data


@contextlib.contextmanager
def pods_answer(api: Api, port: int = 8501):
    """A network of pods for all nodes of a cluster."""
    range_of_one = next(node["spec"]["podCIDR"] for node in api.list(NODE, None)["items"])
    with routed_here(range_of_one), PodNetwork(port).running() as network:
        yield network


@contextlib.contextmanager
def site_of(api: Api, network: PodNetwork, **labels: str):
    """A namespace of its own, with labels."""
    name = f"ml-{uuid.uuid4().hex[:8]}"
    api.create(NAMESPACE, None, {"metadata": {"name": name, "labels": labels}})
    try:
        yield Site(api, name, network)
    finally:
        api.delete(NAMESPACE, None, name, api.get(NAMESPACE, None, name)["metadata"]["resourceVersion"])
