"""The proxy of one environment: its network, its volume, its container, and who is behind it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Final

from jenkins_ml import resources
from jenkins_ml.adapters import archives
from jenkins_ml.adapters.docker import counters, network
from jenkins_ml.adapters.docker.connection import Missing, present, translated
from jenkins_ml.adapters.docker.control import Control
from jenkins_ml.adapters.docker.counters import Server
from jenkins_ml.adapters.docker.reading import file_in
from jenkins_ml.adapters.docker.shapes import NOTES, PROXY, SHAPE, Shapes, free_address
from jenkins_ml.errors import StageFailed, Unavailable, UsageError
from jenkins_ml.rendering import haproxy
from jenkins_ml.rendering.haproxy import Layout

_START_SECONDS: Final = 20.0
_DRAIN_SECONDS: Final = 45.0  # how long requests of a version that goes are waited for: the longest answer, and more
_LEAVE_SECONDS: Final = 10.0  # within which the proxy forgets a server
_STOP_SECONDS: Final = 5  # for requests under way; connections that are idle would keep it
_PAUSE: Final = 0.1
_LOG_LINES: Final = 10
_NEW: Final = "new-"


class Proxy:
    """The proxy. What it was told last stands in its configuration, in its volume: see `layout`.

    Args:
        client: of the engine.
        shapes: what it looks like.
        note: takes a line about what is under way.
    """

    def __init__(self, client: Any, shapes: Shapes, note: Callable[[str], None]) -> None:
        self._client, self._shapes, self._note = client, shapes, note
        self._found: Any = None
        self._control: Control | None = None

    # --- what is there -------------------------------------------------------------------------------------------------
    def find(self) -> Any:
        """Its container; None when there is none."""
        with translated("looking for the proxy"):
            listed = self._client.containers.list(all=True, filters=self._shapes.selector(PROXY), ignore_removed=True)
        self._found = listed[0] if listed else None
        return self._found

    @property
    def container(self) -> Any:
        """Its container.

        Raises:
            Unavailable: there is none.
        """
        found = self._found or self.find()
        if found is None:
            raise Unavailable("no proxy runs", "jenkins-ml serve starts it")
        return found

    @property
    def control(self) -> Control:
        """Its command line."""
        if self._control is None:
            self._control = Control(self._client, self.container.id)
        return self._control

    def servers(self) -> list[Server]:
        """The versions behind it, as it has them now."""
        return counters.servers(self.control.ask("show stat -1 4 -1"))

    def counted(self, known: Iterable[Server]) -> counters.Snapshot:
        """All that it has counted since it was started.

        Args:
            known: what `servers` answered just now.
        """
        return counters.snapshot(self.control.ask(f"show table {haproxy.TABLE}"), known)

    def layout(self) -> Layout:
        """What it was told last."""
        text = self.read(haproxy.CONFIGURATION)
        return Layout(servers={}) if text is None else haproxy.read_layout(text.decode())

    def published(self) -> dict[int, int]:
        """The ports that it answers on, by its own; empty when it does not run."""
        with translated("asking for the proxy's ports"):
            self.container.reload()
        ports = self.container.attrs["NetworkSettings"]["Ports"] or {}
        return {int(port.partition("/")[0]): int(bound[0]["HostPort"]) for port, bound in ports.items() if bound}

    def read(self, name: str) -> bytes | None:
        """A file of its volume; None for none."""
        return file_in(self.container, f"{haproxy.FOLDER}/{name}")

    # --- bringing it up ------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Bring it up, or bring it to what the configuration of this project says."""
        image = present(self._client, self._shapes.docker.proxy_image, self._note)
        found = self.find()
        if found is not None and found.labels.get(SHAPE) != self._shapes.shape_of_proxy(image.id):
            self._note("making the proxy anew: its image or its ports have changed")
            self._remove(found)
            found = None
        if found is None:
            found = self._make(image.id)
        texts = self._texts(self.layout())
        changed = self.read(haproxy.CONFIGURATION) != texts[haproxy.CONFIGURATION] or (
            self.read(haproxy.SAMPLER) != texts[haproxy.SAMPLER]
        )
        if changed:
            self._put(texts)
        if found.status != "running":
            self._note("starting the proxy")
            with translated("starting the proxy"):
                found.start()
            if self._control is not None:
                self._control.close()
        elif changed:
            self._note("the proxy takes its new configuration")
            self._reload(found)
        self._wait()

    def _reload(self, found: Any) -> None:
        """Let a new process take over the connections; it is the one that answers us when this returns.

        The old process goes on answering for a moment, and refuses every change.

        Raises:
            StageFailed: no new process has come.
        """
        before = self._process()
        with translated("reloading the proxy"):
            found.kill(signal="USR2")
        self._until(lambda: self._process() not in (before, ""), _START_SECONDS)
        if self._process() == before:
            log = found.logs(tail=_LOG_LINES).decode(errors="replace").strip()
            raise StageFailed(f"the proxy does not take its new configuration:\n{log}", "its old one is still in force")

    def _process(self) -> str:
        """The number of the process that answers a new conversation; empty while none does."""
        self.control.close()
        with contextlib.suppress(Unavailable):
            lines = self.control.ask("show info").splitlines()
            return next((line.partition(":")[2].strip() for line in lines if line.startswith("Pid:")), "")
        return ""

    def _make(self, image: str) -> Any:
        """Make network, volume and container, as far as they are not there."""
        shapes = self._shapes
        subnet, gateway = network.ensure(self._client, shapes)
        with translated("making the proxy"):
            self._client.api.create_volume(shapes.name, labels=shapes.labels(PROXY))
            address = free_address(subnet, gateway, (), proxy=True)
            made = self._client.api.create_container_from_config(shapes.proxy_container(image, address), shapes.proxy)
        if shapes.docker.network is not None:
            try:
                with translated(f"joining the network {shapes.docker.network}"):
                    self._client.networks.get(shapes.docker.network).connect(made["Id"], aliases=[shapes.name])
            except (Missing, StageFailed) as error:
                self._remove(self._client.containers.get(made["Id"]))
                raise UsageError(
                    f"the proxy cannot join the network {shapes.docker.network}: {error.what}",
                    "make it (docker network create), or name another one in serve.docker.network",
                ) from error
        found = self.find()
        if self.read(haproxy.CONFIGURATION) is None:
            self._put(self._texts(Layout(servers={})))
        return found

    def _answers(self) -> bool:
        """Whether it does; the engine refuses to ask one that has ended a moment ago, or starts again."""
        try:
            self.control.ask("show version")
        except Unavailable:
            return False
        except StageFailed:
            with translated("starting the proxy"):
                self.container.reload()
            state = self.container.attrs["State"]
            if state["Status"] == "running" and not state["Restarting"] and not self.container.attrs["RestartCount"]:
                raise
            return False
        return True

    def _wait(self) -> None:
        """Until it answers.

        Raises:
            StageFailed: it does not start.
        """
        ends = time.monotonic() + _START_SECONDS
        while True:
            with translated("starting the proxy"):
                self.container.reload()
            state = self.container.attrs["State"]
            if state["Status"] == "running" and not state["Restarting"] and self._answers():
                return
            if time.monotonic() > ends or state["Status"] in ("exited", "dead") or self.container.attrs["RestartCount"]:
                log = self.container.logs(tail=_LOG_LINES).decode(errors="replace").strip()
                self.container.stop(timeout=0)
                raise StageFailed(
                    f"the proxy does not start ({self._shapes.docker.proxy_image}):\n{log}",
                    "serve.docker.proxy_image must be HAProxy 2.6 or newer, with bash",
                )
            time.sleep(_PAUSE)

    # --- who is behind it ----------------------------------------------------------------------------------------------
    def add(self, version: int, address: str) -> None:
        """Put a version behind it, without traffic; one that is there already gets this address."""
        layout = self.layout()
        if layout.servers.get(version) != address:
            layout = replace(layout, servers={**layout.servers, version: address})
            self._write(layout)
        there = {server.backend for server in self.servers() if server.version == version}
        for backend in haproxy.BACKENDS:
            name = f"{backend}/{haproxy.name_of(version)}"
            weight = haproxy.weights_in(backend, layout)[version]
            if backend in there:
                port = haproxy.GRPC_PORT if "grpc" in backend else haproxy.REST_PORT
                self.control.do(f"set server {name} addr {address} port {port}", "no need", "IP changed", "nothing")
                self.control.do(f"set weight {name} {weight}")
            else:
                line = haproxy.server(backend, version, address, weight).partition(" ")[2]
                self.control.do(f"add server {name} {line}", "New server registered")
            if backend in haproxy.SPLIT:
                self.control.do(f"enable health {name}")
            self.control.do(f"enable server {name}")

    def vouch(self, version: int) -> None:
        """Say that a version answers, which the proxy finds out by itself only with its next look."""
        for backend in haproxy.SPLIT:
            self.control.do(f"set server {backend}/{haproxy.name_of(version)} health up")

    def route(self, stable: int, canary: int | None, weight: int) -> None:
        """Split the traffic; who gets more is told first, so that somebody always has a weight.

        Raises:
            StageFailed: a version is not behind it, or does not answer.
        """
        known = {(server.backend, server.version): server for server in self.servers()}
        for version in (stable, canary):
            if version is None:
                continue
            missing = ("rest", version) not in known
            if missing or not known["rest", version].up:
                why = "is not there" if missing else f"does not answer: {known['rest', version].check}"
                raise StageFailed(f"version {version} {why}", "look at `jenkins-ml status`")
        layout = replace(self.layout(), stable=stable, canary=canary, weight=weight if canary is not None else 0)
        self._write(layout)  # first, so that a proxy that starts anew comes back with what was meant last
        changes = [
            (server, wanted)
            for server in known.values()
            if (wanted := haproxy.weights_in(server.backend, layout).get(server.version)) is not None
        ]
        for server, wanted in sorted(changes, key=lambda change: change[0].weight - change[1]):
            if server.weight != wanted:
                self.control.do(f"set weight {server.backend}/{haproxy.name_of(server.version)} {wanted}")

    def remove(self, version: int) -> None:
        """Take a version from behind it, after the requests under way were answered.

        Raises:
            StageFailed: it gets traffic.
        """
        layout = self.layout()
        if version in (layout.stable, layout.canary):
            raise StageFailed(f"version {version} gets traffic: it cannot be taken out", "route the traffic elsewhere")
        there = [server for server in self.servers() if server.version == version]
        names = [f"{server.backend}/{haproxy.name_of(version)}" for server in there]
        rest = replace(layout, servers={key: value for key, value in layout.servers.items() if key != version})
        if version in layout.servers:
            self._write(rest)
        answering = haproxy.pinned_weights(rest)
        for other, weight in answering.items():
            for backend in haproxy.BACKENDS:
                if backend not in haproxy.SPLIT:
                    self.control.do(f"set weight {backend}/{haproxy.name_of(other)} {weight}")
        for name in names:
            self.control.do(f"set server {name} state drain")
        self._until(
            lambda: not any(server.sessions for server in self.servers() if server.version == version), _DRAIN_SECONDS
        )
        for name in names:
            self.control.do(f"disable server {name}")
            self.control.do(f"shutdown sessions server {name}")
            # One that is not forgotten gets no requests either.
            self._until(partial(self._delete, name), _LEAVE_SECONDS)

    def _delete(self, name: str) -> bool:
        """Whether the proxy has forgotten a server; it refuses while a connection to it is open."""
        answer = self.control.ask(f"del server {name}")
        return "deleted" in answer or "No such server" in answer

    def _until(self, reached: Callable[[], bool], seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not reached() and time.monotonic() < ends:
            time.sleep(_PAUSE)

    # --- files ---------------------------------------------------------------------------------------------------------
    def write_note(self, key: str, text: str | None) -> None:
        """Keep a small text in the volume; None forgets it."""
        if text is not None:
            self._put({f"{NOTES}/{key}": text.encode()})
        elif self.read(f"{NOTES}/{key}") is not None:
            self._run("rm", "-f", f"{haproxy.FOLDER}/{NOTES}/{key}")

    def _texts(self, layout: Layout) -> dict[str, bytes]:
        shapes = self._shapes
        return {
            haproxy.SAMPLER: self._sampler,
            haproxy.CONFIGURATION: haproxy.configuration(
                shapes.model, shapes.metrics_path, shapes.limit_ms, layout
            ).encode(),
        }

    @cached_property
    def _sampler(self) -> bytes:
        return (resources.folder("templates") / haproxy.SAMPLER).read_bytes()

    def _write(self, layout: Layout) -> None:
        """Keep what it is told, for when it starts anew: a whole file or none takes the old one's place."""
        text = self._texts(layout)[haproxy.CONFIGURATION]
        self._put({f"{_NEW}{haproxy.CONFIGURATION}": text})
        self._run(
            "mv", "-f", f"{haproxy.FOLDER}/{_NEW}{haproxy.CONFIGURATION}", f"{haproxy.FOLDER}/{haproxy.CONFIGURATION}"
        )

    def _put(self, texts: dict[str, bytes]) -> None:
        with translated("writing the proxy's configuration"):
            self.container.put_archive(haproxy.FOLDER, archives.of_texts(texts))

    def _run(self, *command: str) -> None:
        with translated("writing the proxy's configuration"):
            done = self.container.exec_run(list(command), user="0")
        if done.exit_code:
            raise StageFailed(f"{command[0]} in the proxy's container failed: {done.output.decode()}", "")

    # --- taking it away ------------------------------------------------------------------------------------------------
    def _remove(self, container: Any) -> None:
        self.forget()  # it waits for open connections, and one of them is ours
        with contextlib.suppress(Missing), translated("removing the proxy"):
            container.stop(timeout=_STOP_SECONDS)
            container.remove(force=True)

    def destroy(self) -> tuple[str, ...]:
        """Take away container, volume and network; answers their names."""
        removed = []
        if (found := self.find()) is not None:
            self._remove(found)
            removed.append(f"container {found.name}")
        selector = self._shapes.selector()
        with translated("removing the proxy's network and volume"):
            for each in self._client.networks.list(filters=selector):
                each.remove()
                removed.append(f"network {each.name}")
            for each in self._client.volumes.list(filters=selector):
                each.remove(force=True)
                removed.append(f"volume {each.name}")
        return tuple(removed)

    def forget(self) -> None:
        """Its container is another one by now."""
        if self._control is not None:
            self._control.close()
        self._found = self._control = None
