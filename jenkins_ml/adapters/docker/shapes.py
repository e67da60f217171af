"""What we make on an engine looks like this. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any, Final

from jenkins_ml import names
from jenkins_ml.adapters.target import Servable
from jenkins_ml.config.docker import DockerServing
from jenkins_ml.config.model import seconds
from jenkins_ml.config.serve import Serve
from jenkins_ml.errors import StageFailed
from jenkins_ml.rendering import haproxy
from jenkins_ml.rendering.kubernetes import naming
from jenkins_ml.rendering.kubernetes.quantity import canonical

SERVER: Final = "server"
PROXY: Final = "proxy"
LOCK: Final = "lock"
SHAPE: Final = "jenkins-ml.io/shape"  # of the proxy: what it was made of

MODELS: Final = "/models"
SETTINGS: Final = "/etc/jenkins-ml"
MONITORING_FILE: Final = "monitoring.config"
TOKEN_FILE: Final = "token"  # noqa: S105 - a name: of what lets the deployer, and nobody else, read a summary from our server
NOTES: Final = "notes"  # folder of the proxy's volume
_METRICS: Final = {"tensorflow-serving": "/monitoring/prometheus/metrics", "jenkins-ml": "/metrics"}
_NANOSECONDS: Final = 1_000_000_000
_PIDS: Final = 4096
_USER: Final = "10001:10001"  # any but root; model files are readable by everybody
_STARTS_BEFORE_READY: Final = "no"
RESTARTS: Final = {"Name": "unless-stopped"}


class Shapes:
    """One environment of a model.

    Args:
        model: its name.
        environment: its name.
        serve: the section, as it holds in this environment.
    """

    def __init__(self, model: str, environment: str, serve: Serve) -> None:
        self.model, self.environment, self.serve = model, environment, serve
        self.docker: DockerServing = serve.docker
        self.name = f"{names.OWNER}-{naming.base(model, environment)}"
        self.proxy, self.lock = f"{self.name}-proxy", f"{self.name}-lock"
        self.metrics_path = _METRICS[serve.server.kind]
        self.limit_ms = serve.canary.max_latency_p99_ms
        self.ready_seconds = seconds(self.docker.ready_timeout)

    # --- names and labels ----------------------------------------------------------------------------------------------
    def labels(self, role: str) -> dict[str, str]:
        """The labels of what has a role."""
        return {
            names.LABEL_MANAGED_BY: names.OWNER,
            names.LABEL_MODEL: self.model,
            names.LABEL_ENVIRONMENT: self.environment,
            names.LABEL_ROLE: role,
        }

    def selector(self, role: str | None = None, version: int | None = None) -> dict[str, list[str]]:
        """What to list: all that is ours here, or what has a role, or is of a version."""
        labels = self.labels(role or "")
        if role is None:
            del labels[names.LABEL_ROLE]
        if version is not None:
            labels[names.LABEL_VERSION] = str(version)
        return {"label": [f"{label}={value}" for label, value in labels.items()]}

    def of_version(self, version: int) -> str:
        """The name of a version's container."""
        return f"{self.name}-v{version}"

    # --- the proxy -----------------------------------------------------------------------------------------------------
    def ports(self) -> dict[int, int]:
        """The proxy's ports, and those that they are published on; 0 for any."""
        return {
            haproxy.REST_PORT: self.serve.rest_port,
            haproxy.GRPC_PORT: self.serve.grpc_port,
            haproxy.METRICS_PORT: self.docker.metrics_port,
        }

    def shape_of_proxy(self, image: str) -> str:
        """Differs where a proxy has to be made anew; its configuration can change while it runs."""
        parts = [image, self.docker.bind, sorted(self.ports().items()), self.docker.network, self.name]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def proxy_container(self, image: str, address: str) -> dict[str, Any]:
        """The arguments that create the proxy, but for the client's own.

        Args:
            image: id of its image.
            address: its own in the private network.
        """
        published = {
            f"{port}/tcp": [{"HostIp": self.docker.bind, "HostPort": str(to or "")}]
            for port, to in self.ports().items()
        }
        return {
            "Image": image,
            "Labels": {**self.labels(PROXY), SHAPE: self.shape_of_proxy(image)},
            "ExposedPorts": {port: {} for port in published},
            "HostConfig": {
                **self._confined(),
                "RestartPolicy": RESTARTS,
                "PortBindings": published,
                "Mounts": [{"Type": "volume", "Source": self.name, "Target": haproxy.FOLDER}],
                "NetworkMode": self.name,
            },
            "NetworkingConfig": self._network(address),
        }

    # --- versions ------------------------------------------------------------------------------------------------------
    def version_container(
        self, servable: Servable, image: str, digest: str, address: str, user: str, *, inside: bool
    ) -> dict[str, Any]:
        """The arguments that create a version's container; it restarts by itself only once it was ready.

        Args:
            servable: the version.
            image: id of the image.
            digest: what is recorded of that image.
            address: its own in the private network.
            user: whom the image runs as; empty for root.
            inside: whether the image has the model's files.
        """
        version = servable.version
        monitored = self.serve.server.kind == "tensorflow-serving"
        folders = [*([] if inside else [MODELS]), SETTINGS]
        host: dict[str, Any] = {
            **self._confined(),
            "RestartPolicy": {"Name": _STARTS_BEFORE_READY},
            "Mounts": [{"Type": "volume", "Target": folder} for folder in folders],
            "NetworkMode": self.name,
        }
        if self.docker.cpus is not None:
            host["NanoCpus"] = round(self.docker.cpus * _NANOSECONDS)
        if self.docker.memory is not None:
            host["Memory"] = host["MemorySwap"] = bytes_of(self.docker.memory)
        if self.docker.gpus:
            host["DeviceRequests"] = [{"Driver": "", "Count": self.docker.gpus, "Capabilities": [["gpu"]]}]
        return {
            "Image": image,
            "Cmd": [
                f"--model_name={self.model}",
                f"--model_base_path={MODELS}/{self.model}",
                f"--port={haproxy.GRPC_PORT}",
                f"--rest_api_port={haproxy.REST_PORT}",
                *([f"--monitoring_config_file={SETTINGS}/{MONITORING_FILE}"] if monitored else []),
                *self.serve.server.arguments,
            ],
            "User": user if user.partition(":")[0] not in ("", "0", "root") else _USER,
            "Env": [
                f"MODEL_NAME={self.model}",
                f"MODEL_BASE_PATH={MODELS}",
                # For our server: the log that it writes with --log_format=ecs, and its summary; others take no notice.
                f"{names.ENV_SERVED}={self.environment}",
                *(f"{name}={value}" for name, value in servable.origin.variables().items()),
                *([] if monitored else [f"{names.ENV_SAMPLE_TOKEN_FILE}={SETTINGS}/{TOKEN_FILE}"]),
            ],
            "Labels": {**self.labels(SERVER), **_notes(servable, digest)},
            "Healthcheck": self._health(version),
            "HostConfig": host,
            "NetworkingConfig": self._network(address),
        }

    def settings(self, token: str) -> dict[str, bytes]:
        """The files that a version's server finds in SETTINGS.

        Args:
            token: what our server asks the deployer for.
        """
        if self.serve.server.kind == "jenkins-ml":
            return {TOKEN_FILE: token.encode()}
        return {MONITORING_FILE: f'prometheus_config {{ enable: true, path: "{self.metrics_path}" }}\n'.encode()}

    def path(self, version: int) -> str:
        """The path of exactly one version over REST."""
        return f"/v1/models/{self.model}/versions/{version}"

    def _health(self, version: int) -> dict[str, Any]:
        """For `docker ps`: the proxy looks by itself, more often. Its status answers 200 while it loads; this does not."""
        ask = f"GET {self.path(version)}/metadata HTTP/1.0\\r\\n\\r\\n"
        script = (
            f"exec 3<>/dev/tcp/127.0.0.1/{haproxy.REST_PORT} && printf '{ask}' >&3 && read -r line <&3 && "
            '[[ $line == *" 200 "* ]]'
        )
        return {
            "Test": ["CMD", "bash", "-c", script],
            "Interval": 30 * _NANOSECONDS,
            "Timeout": 10 * _NANOSECONDS,
            "StartPeriod": round(self.ready_seconds * _NANOSECONDS),
            "Retries": 3,
        }

    def _confined(self) -> dict[str, Any]:
        """What a container may not do."""
        return {
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Tmpfs": {"/tmp": "size=256m"},  # noqa: S108 - in the container, and its own
            "PidsLimit": _PIDS,
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
        }

    def _network(self, address: str) -> dict[str, Any]:
        return {"EndpointsConfig": {self.name: {"IPAMConfig": {"IPv4Address": address}}}}


def _notes(servable: Servable, digest: str) -> dict[str, str]:
    return {
        names.LABEL_VERSION: str(servable.version),
        names.NOTE_DIGEST: servable.reference.manifest_digest,
        names.NOTE_COMMIT: servable.manifest.lineage.commit.sha or "",
        names.NOTE_RUN: servable.manifest.lineage.run,
        names.NOTE_BY: servable.by,
        names.NOTE_IMAGE: digest,
    }


def free_address(subnet: str, gateway: str, used: Collection[str], *, proxy: bool) -> str:
    """The first address of a network that nobody has; the proxy's is always the first one after the engine's.

    Fixed addresses, because a version that gets another one when it is started again would be another version to the proxy.

    Args:
        subnet: such as 172.18.0.0/16.
        gateway: the engine's own address in it.
        used: those that versions have, running or not.
        proxy: whether it is for the proxy.

    Raises:
        StageFailed: none is left.
    """
    hosts = (str(host) for host in ipaddress.ip_network(subnet).hosts() if str(host) != gateway)
    first = next(hosts)
    found = first if proxy else next((host for host in hosts if host not in used), None)
    if found is None:
        raise StageFailed(f"no address is left in the network {subnet}", "take out versions that nobody needs")
    return found


def bytes_of(amount: str) -> int:
    """An amount of memory, such as 2Gi, in bytes."""
    plain = canonical(amount)
    units: Mapping[str, Fraction] = {
        **{unit: Fraction(1024) ** power for power, unit in enumerate(["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"], 1)},
        **{unit: Fraction(1000) ** power for power, unit in enumerate(["k", "M", "G", "T", "P", "E"], 1)},
        "m": Fraction(1, 1000),
        "": Fraction(1),
    }
    number = plain.rstrip("KMGTPEikm")
    return int(Fraction(number) * units[plain[len(number) :]])
