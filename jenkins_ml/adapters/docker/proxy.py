"""The container of the HAProxy of an environment, and its runtime API."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.docker import archives, counters, network, pulling
from jenkins_ml.adapters.docker.engine import Engine, Object, short, translated
from jenkins_ml.adapters.docker.network import Network
from jenkins_ml.adapters.docker.place import PROXY, SHAPE, Place
from jenkins_ml.adapters.docker.tunnel import Admin, Pinned, connecting
from jenkins_ml.config.serve import Serve
from jenkins_ml.errors import StageFailed, Unavailable, UsageError
from jenkins_ml.rendering import haproxy
from jenkins_ml.rendering.haproxy import Traffic

NOBODY: Final = "65534:65534"
LOGS: Final = {"type": "json-file", "config": {"max-size": "10m", "max-file": "3"}}
_READY_SECONDS: Final = 20.0
_DRAIN_SECONDS: Final = 40.0  # longer than any request takes: see `timeout server`
_NOTES: Final = "notes"


@dataclass
class Proxy:
    """The proxy of an environment.

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
    _container: str | None = field(default=None, init=False)
    _admin: Admin | None = field(default=None, init=False)
    _pinned: Pinned | None = field(default=None, init=False)

    # --- its container -----------------------------------------------------------------------------------------------
    def find(self) -> Object | None:
        """Its container as the engine lists it; None when there is none."""
        found = self.engine.containers(self.place.filters(PROXY))
        return found[0] if found else None

    def ensure(self, addresses: Callable[[], Mapping[int, str]]) -> None:
        """Have it running, as the configuration wants it; one that is otherwise is replaced, keeping what it knows.

        Args:
            addresses: of the versions that can answer, for one that is made anew.

        Raises:
            UsageError: a port is taken, or an image or a network is not there.
            Unavailable: it does not start.
        """
        image = pulling.ensure(self.engine, self.serve.docker.proxy_image, self.progress)
        private = network.ensure(self.engine, self.place)
        shape = self._shape(image.id, private)
        found = self.find()
        if found is not None and found["State"] == "running" and found["Labels"].get(SHAPE) == shape:
            return
        traffic = Traffic()
        if found is not None:
            traffic = self._kept(found["Id"])
        if found is None or found["Labels"].get(SHAPE) != shape:
            if found is not None:
                self.progress("replacing the proxy: its configuration has changed")
                self._stop(found["Id"])
                self.engine.remove(found["Id"])
            container = self._create(image, private, shape)
        else:
            container = found["Id"]
        self.close()
        self._write(container, addresses(), traffic)
        self._start(container)

    def addresses(self) -> tuple[str | None, str | None]:
        """Where users reach it: the address of the model over REST, and host and port over gRPC; None when it is down."""
        found = self.find()
        if found is None or found["State"] != "running":
            return None, None
        ports = {port["PrivatePort"]: port["PublicPort"] for port in found["Ports"] if port.get("PublicPort")}
        host = _reached_at(self.serve.docker.bind, self.serve.docker.host)
        rest, grpc = ports.get(haproxy.REST_PORT), ports.get(haproxy.GRPC_PORT)
        return (
            f"http://{host}:{rest}/v1/models/{self.place.model}" if rest else None,
            f"{host}:{grpc}" if grpc else None,
        )

    def close(self) -> None:
        """Close the connections into it."""
        if self._admin is not None:
            self._admin.close()
        if self._pinned is not None:
            self._pinned.close()
        self._admin = self._pinned = self._container = None

    def _shape(self, image: str, private: Network) -> str:
        """A digest of all that makes one proxy differ from another."""
        docker = self.serve.docker
        empty = haproxy.Proxy(model=self.place.model, environment=self.place.environment)
        ports = [docker.bind, self.serve.rest_port, self.serve.grpc_port, docker.metrics_port, docker.network]
        said = json.dumps([image, private.id, ports, empty.config()])
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def _create(self, image: pulling.Image, private: Network, shape: str) -> str:
        docker, api = self.serve.docker, self.engine.api
        published = {
            haproxy.REST_PORT: (docker.bind, self.serve.rest_port or None),
            haproxy.GRPC_PORT: (docker.bind, self.serve.grpc_port or None),
            haproxy.METRICS_PORT: (docker.bind, docker.metrics_port or None),
        }
        name = self.place.named(PROXY)
        with translated("make the proxy"):
            api.create_volume(name, labels=self.place.labels(PROXY))
            from docker.types import Mount

            made = api.create_container(
                image.id,
                entrypoint=["haproxy"],
                command=["-db", "-f", f"{haproxy.FOLDER}/{haproxy.CONFIG_FILE}"],
                name=name,
                labels=self.place.labels(PROXY, notes={SHAPE: shape, names.NOTE_IMAGE: image.digest}),
                ports=list(published),
                user=image.user if image.user not in ("", "0", "root") else NOBODY,
                stop_signal="SIGUSR1",  # it answers what it is at, then ends
                healthcheck={"test": ["NONE"]},
                host_config=api.create_host_config(
                    mounts=[Mount(haproxy.FOLDER, name, type="volume", labels=self.place.labels(PROXY))],
                    port_bindings=published,
                    network_mode=private.name,
                    log_config=LOGS,
                    read_only=True,
                    cap_drop=["ALL"],
                    security_opt=["no-new-privileges:true"],
                    pids_limit=512,
                    restart_policy={"Name": "unless-stopped"},
                ),
                networking_config=api.create_networking_config(
                    {private.name: api.create_endpoint_config(ipv4_address=private.proxy)}
                ),
            )
        if docker.network is not None:
            self._join(made["Id"], docker.network)
        return str(made["Id"])

    def _join(self, container: str, other: str) -> None:
        from docker import errors

        with translated(f"join network {other}"):
            try:
                self.engine.api.connect_container_to_network(container, other)
            except errors.NotFound as error:
                raise UsageError(
                    f"there is no network {other}",
                    f"make it (docker network create {other}), or change serve.docker.network",
                ) from error

    def _start(self, container: str) -> None:
        with translated("start the proxy"):
            try:
                self.engine.api.start(container)
            except Exception:
                if not self._ran(container):  # it would only be in the way
                    self.engine.remove(container)
                raise
        ends = time.monotonic() + _READY_SECONDS
        while True:
            state = (self.engine.inspect(container) or {"State": {"Status": "removed"}})["State"]
            if state["Status"] == "running":
                try:
                    self._ask("show info typed", container)
                    return
                except Unavailable:
                    self.close()
            if state["Status"] in ("exited", "dead", "removed", "restarting") or time.monotonic() > ends:
                log = short(self.engine.logs(container, 5)) if state["Status"] != "removed" else ""
                raise Unavailable(
                    f"the proxy does not start: it is {state['Status']}"
                    + (f"; its log ends with: {log}" if log else ""),
                    "check serve.docker.proxy_image: HAProxy 2.6 or newer, with bash",
                )
            time.sleep(0.05)

    def _ran(self, container: str) -> bool:
        found = self.engine.inspect(container)
        return found is not None and not found["State"]["StartedAt"].startswith("0001")

    def _stop(self, container: str) -> None:
        with translated("stop the proxy"):
            self.engine.api.stop(container, timeout=10)

    # --- what it knows ------------------------------------------------------------------------------------------------
    def traffic(self) -> Traffic:
        """How requests are split now; where it does not run, how they will be when it does."""
        found = self.find()
        if found is None:
            return Traffic()
        if found["State"] != "running":
            return self._kept(found["Id"])
        return Traffic.read(counters.entries(self.ask(f"show map {haproxy.MAP}")))

    def split(self, traffic: Traffic) -> None:
        """Split requests otherwise; each one from now on."""
        self._set(traffic)
        found = {backend.version for backend in self._backends()}
        # Where requests are tried again. First the new one: there is always one that has weight.
        for version in sorted(found, key=lambda version: version != traffic.stable):
            weight = haproxy.ALL_WEIGHT if version == traffic.stable else 0
            for kind in (haproxy.REST, haproxy.GRPC):
                self._do(f"set server {kind}/v{version} weight {weight}")
        self.save()

    def prolong(self, traffic: Traffic) -> None:
        """Only say until when a share or a sample holds."""
        self._set(traffic)

    def add(self, version: int, address: str) -> None:
        """Have a version among the servers, without traffic."""
        there = {(backend.kind, backend.version): backend.address for backend in self._backends()}
        for kind, port in ((haproxy.REST, haproxy.REST_PORT), (haproxy.GRPC, haproxy.GRPC_PORT)):
            known = there.get((kind, version))
            if known is None:
                self._do(f"add server {kind}/{haproxy.server(kind, version, address)} weight 0")
            elif known != address:
                self._do(f"set server {kind}/v{version} addr {address} port {port}")
            self._do(f"set server {kind}/v{version} state ready")
        self.save()

    def drain(self, version: int) -> None:
        """Wait until a version without traffic has answered what it is at."""
        ends = time.monotonic() + _DRAIN_SECONDS
        while counters.under_way(self.ask("show stat"), version) and time.monotonic() < ends:
            time.sleep(0.05)

    def take_out(self, version: int) -> None:
        """Have a version among the servers no more. Its connections close, so it must have been drained."""
        for kind in {backend.kind for backend in self._backends() if backend.version == version}:
            self._do(f"set server {kind}/v{version} state maint")
            for _ in range(100):
                answer = self.ask(f"del server {kind}/v{version}")
                if "still has connections" not in answer:
                    break
                time.sleep(0.05)
            else:
                continue  # one in maintenance gets nothing; the next command that changes something takes it out
        self.save()

    def versions(self) -> set[int]:
        """The versions among the servers."""
        return {backend.version for backend in self._backends()}

    def counts(self) -> dict[int, tuple[int, ...]]:
        """The cells of the table of counts, by version."""
        return counters.counts(self.ask(f"show table {haproxy.COUNTS}"))

    def samples(self) -> dict[str, bytes]:
        """The requests that are kept, which forgets them."""
        found = dict(counters.samples(self.ask(f"show table {haproxy.SAMPLES}")))
        self.ask(f"clear table {haproxy.SAMPLES}")
        return found

    def save(self) -> None:
        """Write what it knows into its volume, for its next start."""
        addresses = {backend.version: backend.address for backend in self._backends()}
        traffic = Traffic.read(counters.entries(self.ask(f"show map {haproxy.MAP}")))
        self._write(self._running(), addresses, traffic)

    def remember(self, key: str, text: str | None) -> None:
        """Keep a text in its volume."""
        found = self.find()
        if found is None:
            if text is None:
                return
            raise Unavailable(f"nothing runs that could keep {key}", "run it again when the environment is there")
        archives.put(self.engine, found["Id"], haproxy.FOLDER, {f"{_NOTES}/{key}": text or ""})

    def recall(self, key: str) -> str | None:
        """The text that was kept."""
        found = self.find()
        return (
            None
            if found is None
            else archives.get(self.engine, found["Id"], f"{haproxy.FOLDER}/{_NOTES}/{key}") or None
        )

    # --- connections --------------------------------------------------------------------------------------------------
    def ask(self, command: str) -> str:
        """Answer of the runtime API; one that was closed is connected again."""
        fresh = self._admin is None
        try:
            return self._ask(command, self._running())
        except Unavailable:
            self.close()
            if fresh:
                raise
        return self._ask(command, self._running())

    @property
    def pinned(self) -> Pinned:
        """Connections to versions, through this container."""
        if self._pinned is None:
            self._pinned = Pinned(connecting(self.engine, self._running()))
        return self._pinned

    def _ask(self, command: str, container: str) -> str:
        if self._admin is None:
            self._admin = Admin(self.engine, container, haproxy.ADMIN_PORT)
        return self._admin.ask(command)

    def _running(self) -> str:
        if self._container is None:
            found = self.find()
            if found is None or found["State"] != "running":
                raise Unavailable(
                    "the proxy does not run",
                    "docker start it, or release again: its container is " + self.place.named(PROXY),
                )
            self._container = str(found["Id"])
        return self._container

    def _do(self, command: str) -> None:
        """A command that answers nothing, or that it was done."""
        answer = self.ask(command).strip()
        if answer and not answer.startswith(("New server registered", "Server deleted", "no need to change")):
            if "changed" in answer.split(",")[0]:  # of an address
                return
            raise StageFailed(f"the proxy does not do `{command}`: {short(answer)}", "run it again")

    def _set(self, traffic: Traffic) -> None:
        known = counters.entries(self.ask(f"show map {haproxy.MAP}"))
        for key, value in traffic.entries().items():
            if key not in known:
                self._do(f"add map {haproxy.MAP} {key} {value}")
            elif known[key] != value:
                self._do(f"set map {haproxy.MAP} {key} {value}")

    def _backends(self) -> list[counters.Backend]:
        return counters.backends(self.ask("show servers state"))

    def _kept(self, container: str) -> Traffic:
        text = archives.get(self.engine, container, haproxy.MAP)
        return Traffic() if text is None else Traffic.read(counters.entries(text))

    def _write(self, container: str, addresses: Mapping[int, str], traffic: Traffic) -> None:
        written = haproxy.Proxy(
            model=self.place.model,
            environment=self.place.environment,
            servers=addresses,
            traffic=replace(traffic, sampled=0, sampled_until=0),
        )
        contents = {haproxy.CONFIG_FILE: written.config(), haproxy.MAP_FILE: written.map()}
        archives.put(self.engine, container, haproxy.FOLDER, contents)


def _reached_at(bind: str, host: str | None) -> str:
    """The host in addresses for users: what the proxy is bound to, or the engine's machine for all of its addresses."""
    if bind not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return f"[{bind}]" if ":" in bind else bind
    if host is not None and host.startswith("tcp://"):
        return host.removeprefix("tcp://").rpartition(":")[0] or "127.0.0.1"
    return "127.0.0.1"
