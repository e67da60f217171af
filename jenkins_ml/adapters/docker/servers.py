"""The containers of versions: one model server each, without rights, that is reached through the proxy only."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from jenkins_ml import names
from jenkins_ml.adapters import images
from jenkins_ml.adapters.clock import rfc3339
from jenkins_ml.adapters.docker import archives, network, pulling
from jenkins_ml.adapters.docker.engine import Engine, Object, translated
from jenkins_ml.adapters.docker.network import Network
from jenkins_ml.adapters.docker.place import SERVER, Place
from jenkins_ml.adapters.docker.proxy import LOGS
from jenkins_ml.adapters.images.context import version_archive
from jenkins_ml.adapters.target import Running, Servable
from jenkins_ml.config.model import seconds
from jenkins_ml.config.serve import Serve
from jenkins_ml.rendering import haproxy

REST_PORT: Final = haproxy.REST_PORT
GRPC_PORT: Final = haproxy.GRPC_PORT
STOP_SECONDS: Final = 10  # it is drained before it is stopped
_FOLDER: Final = "/jenkins-ml"  # the volume of a version: its files, and how it is watched
_MONITORING: Final = "monitoring.config"
_MONITORED: Final = 'prometheus_config { enable: true, path: "/monitoring/prometheus/metrics" }\n'
_USER: Final = "10001:10001"  # any but root; model files are readable by everybody
_PIDS: Final = 4096  # processes and threads; a server has many of the latter
_SECOND: Final = 1_000_000_000  # the engine counts in nanoseconds
_UNITS: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18} | {
    f"{unit}i": 1024**power for power, unit in enumerate("KMGTPE", 1)
}


@dataclass(frozen=True)
class Servers:
    """The containers of versions in an environment.

    Args:
        engine: where.
        place: of what.
        serve: the section, as it holds in this environment.
        progress: takes a line about what is under way.
    """

    engine: Engine
    place: Place
    serve: Serve
    progress: Callable[[str], None]

    def all(self) -> dict[int, Object]:
        """The containers by version, as the engine lists them."""
        found = self.engine.containers(self.place.filters(SERVER))
        return {int(each["Labels"][names.LABEL_VERSION]): each for each in found}

    def create(self, servable: Servable, private: Network, address: str) -> str:
        """Make the container of a version, with its files inside; answers its id. It is not started.

        Raises:
            IntegrityError: a file is not what was recorded.
            UsageError: the image is not there.
            Unavailable: its registry does not answer.
        """
        image = self._image(servable)
        baked = self.serve.image is not None
        name = self.place.named(SERVER, servable.version)
        labels = self._labels(servable, image)
        api = self.engine.api
        from docker.types import DeviceRequest, Mount

        gpus = self.serve.docker.gpus
        with translated(f"make the container of version {servable.version}"):
            api.create_volume(name, labels=labels)
            made = api.create_container(
                image.id,
                command=self._arguments(servable, baked=baked),
                name=name,
                labels=labels,
                user=image.user if image.user not in ("", "0", "root") else _USER,
                healthcheck=self._health(servable.version),
                host_config=api.create_host_config(
                    mounts=[Mount(_FOLDER, name, type="volume", labels=labels, no_copy=True)],
                    tmpfs={"/tmp": "rw,noexec,nosuid,nodev"},  # noqa: S108 - in the container, and its own
                    network_mode=private.name,
                    log_config=LOGS,
                    read_only=True,
                    cap_drop=["ALL"],
                    security_opt=["no-new-privileges:true"],
                    pids_limit=_PIDS,
                    # Until it has been ready once: so that what ends it can be seen, and is not tried for ever.
                    restart_policy={"Name": "no"},
                    device_requests=[DeviceRequest(count=gpus, capabilities=[["gpu"]])] if gpus else None,
                    **self._limits(),
                ),
                networking_config=api.create_networking_config(
                    {private.name: api.create_endpoint_config(ipv4_address=address)}
                ),
            )
            archives.put(self.engine, made["Id"], _FOLDER, {_MONITORING: _MONITORED})
            if not baked:
                self.progress(f"copying version {servable.version} into its container")
                inside = f"models/{servable.manifest.model}/{servable.version}"
                api.put_archive(made["Id"], _FOLDER, version_archive(servable.manifest, servable.path, inside))
        return str(made["Id"])

    def start(self, container: str) -> None:
        """Start one."""
        with translated("start the container of a version"):
            self.engine.api.start(container)

    def keep(self, container: str) -> None:
        """From now on the engine starts it again when it ends, or when the machine does."""
        with translated("keep the container of a version"):
            self.engine.api.update_container(container, restart_policy={"Name": "unless-stopped"})

    def remove(self, version: int) -> None:
        """Stop and remove the container of a version, and its files; nothing happens when there is none."""
        from docker import errors

        for container in self.engine.containers(self.place.filters(SERVER)):
            if container["Labels"][names.LABEL_VERSION] == str(version):
                with translated(f"stop the container of version {version}"):
                    if container["State"] == "running":
                        self.engine.api.stop(container["Id"], timeout=STOP_SECONDS)
                self.engine.remove(container["Id"])
        with translated(f"remove the files of version {version}"):
            try:
                self.engine.api.remove_volume(self.place.named(SERVER, version))
            except errors.NotFound:
                pass

    def running(self, container: Object) -> Running:
        """A version as it runs, from its container as listed; looks further only at one that does not."""
        labels = container["Labels"]
        problem = self._problem(container)
        return Running(
            version=int(labels[names.LABEL_VERSION]),
            manifest_digest=labels.get(names.NOTE_DIGEST),
            replicas=1,
            ready=0 if problem else 1,
            image=labels.get(names.NOTE_IMAGE),
            since=rfc3339(container["Created"]),
            problem=problem,
        )

    def _problem(self, container: Object) -> str:
        state, status = container["State"], container["Status"]
        if state == "running":
            return "its health check fails: it does not answer its metadata" if "(unhealthy)" in status else ""
        found = self.engine.inspect(container["Id"])
        return ended(found) if found is not None else "its container was removed"

    def _image(self, servable: Servable) -> pulling.Image:
        if self.serve.image is None:
            return pulling.ensure(self.engine, self.serve.server.image, self.progress)
        built = images.ensure(
            self.engine.client,
            config=self.serve.image,
            server=self.serve.server,
            model=self.place.model,
            servable=servable,
            progress=self.progress,
        )
        found = pulling.ensure(self.engine, built.id, self.progress)
        return pulling.Image(built.id, built.digest or found.digest, found.user)

    def _labels(self, servable: Servable, image: pulling.Image) -> dict[str, str]:
        notes = {
            names.NOTE_DIGEST: servable.reference.manifest_digest,
            names.NOTE_COMMIT: servable.manifest.lineage.commit.sha,
            names.NOTE_RUN: servable.run,
            names.NOTE_BY: servable.by,
            names.NOTE_IMAGE: image.digest,
        }
        return self.place.labels(SERVER, servable.version, notes)

    def _arguments(self, servable: Servable, *, baked: bool) -> list[str]:
        model = servable.manifest.model
        return [
            f"--model_name={model}",
            f"--model_base_path={'' if baked else _FOLDER}/models/{model}",
            f"--port={GRPC_PORT}",
            f"--rest_api_port={REST_PORT}",
            f"--monitoring_config_file={_FOLDER}/{_MONITORING}",
            *self.serve.server.arguments,
        ]

    def _health(self, version: int) -> dict[str, Any]:
        """Asks for the metadata of the version; with what images of model servers have: bash."""
        path = f"/v1/models/{self.place.model}/versions/{version}/metadata"
        script = (
            f"exec 3<>/dev/tcp/127.0.0.1/{REST_PORT} && printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3 && "
            'read -r line <&3 && [[ $line == *" 200 "* ]]'
        )
        return {
            "test": ["CMD", "bash", "-c", script],
            "interval": 10 * _SECOND,
            "timeout": 5 * _SECOND,
            "retries": 3,
            "start_period": int(seconds(self.serve.docker.ready_timeout) * _SECOND),
        }

    def _limits(self) -> dict[str, Any]:
        docker = self.serve.docker
        limits: dict[str, Any] = {}
        if docker.cpus is not None:
            limits["nano_cpus"] = round(docker.cpus * 1_000_000_000)
        if docker.memory is not None:
            # No swap: a server that swaps is slower than one that ends.
            limits["mem_limit"] = limits["memswap_limit"] = bytes_of(docker.memory)
        return limits


def bytes_of(memory: str) -> int:
    """An amount of memory as the configuration writes it, in bytes: "2Gi" is 2147483648."""
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", memory)
    if found is None:
        raise ValueError(f"{memory!r} is no amount of memory")
    return round(float(found[1]) * _UNITS[found[2]])


def ended(found: Object) -> str:
    """Why a container does not run, in one sentence; empty when it does."""
    state = found["State"]
    if state["Status"] == "running":
        return ""
    if state.get("OOMKilled"):
        return "it took more memory than it may (out of memory), and was killed"
    if state.get("Error"):
        return f"it does not start: {state['Error']}"
    if state["Status"] == "created":
        return "its container was made but never started"
    if state["Status"] == "restarting" or state["ExitCode"] or state["Status"] == "exited":
        again = f", {found['RestartCount']} times by now" if found.get("RestartCount") else ""
        code = state["ExitCode"]
        signal = f" (signal {code - 128})" if code > 128 else ""
        return f"its server ended with exit code {code}{signal}{again}"
    return f"its container is {state['Status']}"


def address(container: Object, private: Network) -> str | None:
    """The fixed address of the container of a version."""
    return network.address(container, private.name)
