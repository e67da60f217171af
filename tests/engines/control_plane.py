"""A Kubernetes control plane on this machine: etcd, the API server, its controllers, the scheduler; and simulated nodes.

Simulated nodes (kwok) report what a kubelet would, and run nothing: controllers, scheduling, rollouts, quotas and
rights are real, and no root is needed. `node.py` adds a node that runs pods.
"""

import contextlib
import http.client
import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.engines import binaries, cache
from tests.engines.daemons import Daemon, environment, free_ports
from tests.engines.missing import need
from tests.engines.pki import Authority

CLUSTER_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
ISSUER = f"https://{CLUSTER_NAMES[-1]}"
NODES = ("node-1", "node-2", "node-3")
# What simulated pods come to, by their labels; and what their containers are said to have written.
SIMULATED_PODS = Path(__file__).resolve().parents[1] / "fakes/simulated_pods.yaml"
LOG = """2026-01-01T00:00:00Z stderr F I loading version
2026-01-01T00:00:01Z stderr F F Check failed: no such op
"""
# Who talks to the API server: the name in it, and the group.
USERS = {
    "admin": ("admin", "system:masters"),
    "kubelet-client": ("kube-apiserver-kubelet-client", "system:masters"),
    "front-proxy": ("front-proxy-client", None),
    "controllers": ("system:kube-controller-manager", None),
    "scheduler": ("system:kube-scheduler", None),
    "proxy": ("system:kube-proxy", None),
}


class ControlPlane:
    """A cluster; `kubeconfig` and `request` are its administrator's.

    Args:
        folder: for everything that it writes; absolute.
        address: of the interface that the API server listens on.
        pods: addresses of pods, a /16; every node has a /24 of them.
        services: addresses of Services, a /16.
        node: the name of a real node, which gets a certificate.
    """

    def __init__(
        self,
        folder: Path,
        address: str = "127.0.0.1",
        pods: str = "10.88.0.0/16",
        services: str = "10.96.0.0/16",
        node: str | None = None,
    ) -> None:
        need("openssl", "setpriv")
        self.programs = binaries.programs()
        self.folder, self.address, self.pods, self.services = folder, address, pods, services
        self.daemons: dict[str, Daemon] = {}
        (etcd, peer, self.port, controllers, scheduler) = free_ports(5)
        self.server = f"https://{address}:{self.port}"
        self.users = {**USERS, **({"node": (f"system:node:{node}", "system:nodes")} if node else {})}
        self._write_keys()
        self.kubeconfig = self.kubeconfig_of("admin")
        self._trust = ssl.create_default_context(cafile=self.pki / "ca.crt")
        self._trust.load_cert_chain(self.pki / "admin.crt", self.pki / "admin.key")
        self._etcd = (etcd, peer)
        self._own_ports = {"kube-controller-manager": controllers, "kube-scheduler": scheduler}

    # --- for tests --------------------------------------------------------------------------------------------------
    def kubectl(self, *arguments: str, said: str | None = None) -> str:
        """What kubectl prints as the administrator; raises RuntimeError when it fails. `said` is its standard input."""
        command = [self.programs / "kubectl", f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, input=said, env=environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def request(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        """Status and document that the API server answers the administrator with; raises OSError when it is away."""
        connection = http.client.HTTPSConnection(self.address, self.port, context=self._trust, timeout=10)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said = answer.read()
        return answer.status, json.loads(said) if said.startswith(b"{") else {}

    def kill_api_server(self) -> None:
        """It is gone at once, and stays away until `start_api_server`."""
        self.daemons["kube-apiserver"].kill()

    def start_api_server(self) -> None:
        """It is there again when this returns."""
        self.daemons["kube-apiserver"].start()
        self._wait_for("/readyz")

    def restart_api_server(self, away_seconds: float = 0.0) -> None:
        """It is gone at once, and there again when this returns."""
        self.kill_api_server()
        time.sleep(away_seconds)
        self.start_api_server()

    def add_node(self, name: str, labels: dict[str, str] | None = None) -> None:
        """A simulated node, ready when this returns."""
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **(labels or {})}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
        status, said = self.request("POST", "/api/v1/nodes", node)
        assert status == 201, said
        self.daemons["kwok"].wait_until(f"node {name}", lambda: self.node_ready(name))

    def remove_node(self, name: str) -> None:
        """The node is gone; the pods that it had follow when the garbage collector sees it."""
        self.request("DELETE", f"/api/v1/nodes/{name}")

    def node_ready(self, name: str) -> bool:
        """Whether pods can be scheduled to it: ready, and with a range of addresses for them."""
        status, node = self.request("GET", f"/api/v1/nodes/{name}")
        if status != 200 or "podCIDR" not in node["spec"] or node["spec"].get("taints"):
            return False
        conditions = node["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def install(self, folder: Path) -> list[str]:
        """Install the definitions of resources in a folder's YAML files, see binaries.definitions; served at the end.

        Returns:
            What `uninstall` takes away again.
        """
        files = [path for path in sorted(folder.glob("*.yaml")) if path.name != "kustomization.yaml"]
        named = self.kubectl("apply", "--server-side", "-o=name", *(f"-f={path}" for path in files)).split()
        definitions = [each for each in named if each.startswith("customresourcedefinition")]
        self.kubectl("wait", "--for=condition=Established", "--timeout=180s", *definitions)
        return named

    def uninstall(self, installed: list[str]) -> None:
        """Take away what `install` answered."""
        self.kubectl("delete", "--timeout=180s", *installed)

    # --- life -------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start the control plane; pods can be made when this returns."""
        etcd, peer = (f"http://127.0.0.1:{port}" for port in self._etcd)
        self.run(
            *("etcd", f"--data-dir={self.folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn"),
            *(f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}", f"--listen-peer-urls={peer}"),
            *(f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}"),
        )
        self._start_api_server(etcd)
        self._wait_for("/livez")
        self._start_controllers()
        self._start_scheduler()
        self._wait_for("/readyz")
        self._wait_for("/api/v1/namespaces/default/serviceaccounts/default")

    def start_simulated_nodes(self, names: tuple[str, ...] = NODES, pods: Path = SIMULATED_PODS) -> None:
        """Start kwok, and nodes; ready when this returns.

        Args:
            names: of the nodes.
            pods: stages of kwok, in which LOGS_FILE stands for a file of what containers wrote.
        """
        logs = self.folder / "container.log"
        logs.write_text(LOG)
        [port] = free_ports(1)
        stages = [each.read_text() for each in sorted((self.programs / "stages/node").rglob("*.yaml"))]
        config = self.folder / "kwok.yaml"
        config.write_text("\n---\n".join([pods.read_text().replace("LOGS_FILE", str(logs)), *stages]))
        self.run(
            *("kwok", f"--kubeconfig={self.kubeconfig}", f"--config={config}", "--manage-all-nodes"),
            *("--node-lease-duration-seconds=40", f"--node-ip={self.address}", f"--node-port={port}"),
            *(f"--server-address={self.address}:{port}", *self._serving()),
        )
        for name in names:
            self.add_node(name)

    @contextlib.contextmanager
    def argo_rollouts(self) -> Iterator[Daemon]:
        """Argo Rollouts, its definitions and its controller, until the end of the block."""
        installed = self.install(binaries.definitions("github.com/argoproj/argo-rollouts", "manifests/crds"))
        metrics, health = free_ports(2)
        command = [
            *(str(binaries.rollouts_controller()), f"--kubeconfig={self.kubeconfig}", "--leader-elect=false"),
            *(f"--metricsport={metrics}", f"--healthzPort={health}", "--qps=500", "--burst=1000"),
        ]
        self.daemons["rollouts-controller"] = controller = Daemon(command, self.folder / "rollouts-controller.log")
        try:
            yield controller
        finally:
            controller.stop()
            self.uninstall(installed)

    def stop(self) -> None:
        """End everything, the last started first."""
        for daemon in reversed(self.daemons.values()):
            daemon.stop()

    def run(self, name: str, *arguments: str) -> Daemon:
        """Start one of the programs."""
        command = [str(self.programs / name), *arguments]
        self.daemons[name] = Daemon(command, self.folder / f"{name}.log")
        return self.daemons[name]

    def kubeconfig_of(self, user: str) -> Path:
        """The kubeconfig of one of `users`."""
        cluster = {"server": self.server, "certificate-authority": str(self.pki / "ca.crt")}
        keys = {"client-certificate": str(self.pki / f"{user}.crt"), "client-key": str(self.pki / f"{user}.key")}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": user, "user": keys}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}],
            "current-context": "tests",
        }
        path = self.folder / f"{user}.kubeconfig"
        path.write_text(json.dumps(document))
        return path

    # --- inside -----------------------------------------------------------------------------------------------------
    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    def _write_keys(self) -> None:
        authority = Authority(self.pki)
        first_service = self.services.replace(".0.0/16", ".0.1")
        authority.server("apiserver", {"127.0.0.1", self.address, first_service}, (*CLUSTER_NAMES, "localhost"))
        for name, (user, group) in self.users.items():
            authority.client(name, user, group)
        authority.key("service-accounts")
        authority.public("service-accounts")

    def _serving(self) -> list[str]:
        return [f"--tls-cert-file={self.pki}/apiserver.crt", f"--tls-private-key-file={self.pki}/apiserver.key"]

    def _start_api_server(self, etcd: str) -> None:
        pki, real = self.pki, self.address != "127.0.0.1"
        self.run(
            *(
                "kube-apiserver",
                f"--etcd-servers={etcd}",
                f"--bind-address={self.address}",
                f"--secure-port={self.port}",
            ),
            # Only pods of real nodes look for the Service "kubernetes".
            f"--advertise-address={self.address}" if real else "--endpoint-reconciler-type=none",
            *(f"--service-cluster-ip-range={self.services}", f"--client-ca-file={pki}/ca.crt", *self._serving()),
            *(f"--cert-dir={self.folder / 'apiserver'}", "--kubelet-preferred-address-types=InternalIP,Hostname"),
            f"--kubelet-client-certificate={pki}/kubelet-client.crt",
            f"--kubelet-client-key={pki}/kubelet-client.key",
            *(f"--service-account-issuer={ISSUER}", f"--service-account-key-file={pki}/service-accounts.pub"),
            f"--service-account-signing-key-file={pki}/service-accounts.key",
            *("--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--profiling=false"),
            *(f"--requestheader-client-ca-file={pki}/ca.crt", "--requestheader-allowed-names=front-proxy-client"),
            *("--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group"),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki}/front-proxy.crt",
            f"--proxy-client-key-file={pki}/front-proxy.key",
        )

    def _start_controllers(self) -> None:
        pki = self.pki
        self.run(
            *("kube-controller-manager", *self._as("controllers", "kube-controller-manager")),
            *(f"--service-account-private-key-file={pki}/service-accounts.key", f"--root-ca-file={pki}/ca.crt"),
            *(f"--cluster-signing-cert-file={pki}/ca.crt", f"--cluster-signing-key-file={pki}/ca.key"),
            *("--use-service-account-credentials", "--allocate-node-cidrs", f"--cluster-cidr={self.pods}"),
            f"--service-cluster-ip-range={self.services}",
        )

    def _start_scheduler(self) -> None:
        self.run("kube-scheduler", *self._as("scheduler", "kube-scheduler"))

    def _as(self, user: str, program: str) -> list[str]:
        """What the controllers and the scheduler have in common. There is one of each: they need elect nobody."""
        known = self.kubeconfig_of(user)
        return [
            *(f"--kubeconfig={known}", f"--authentication-kubeconfig={known}", f"--authorization-kubeconfig={known}"),
            *("--bind-address=127.0.0.1", f"--secure-port={self._own_ports[program]}"),
            *(f"--cert-dir={self.folder / program}", "--leader-elect=false"),
            *("--kube-api-qps=500", "--kube-api-burst=1000"),
        ]

    def _wait_for(self, path: str) -> None:
        def answers() -> bool:
            with contextlib.suppress(OSError):
                return self.request("GET", path)[0] == 200
            return False

        self.daemons["kube-apiserver"].wait_until(path, answers)


@contextlib.contextmanager
def running(nodes: tuple[str, ...] = NODES) -> Iterator[ControlPlane]:
    """A control plane with simulated nodes until the end of the block; raises MissingPart."""
    with cache.scratch("jenkins-ml-kubernetes-") as folder:
        cluster = ControlPlane(folder)
        try:
            cluster.start()
            cluster.start_simulated_nodes(nodes)
            yield cluster
        finally:
            cluster.stop()
