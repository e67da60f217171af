"""A Docker engine as a target of releases: what the rollout asks for, done with the parts beside this module."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.docker import counters, network, pulling, servers
from jenkins_ml.adapters.docker.engine import Engine, Object, translated
from jenkins_ml.adapters.docker.lock import Holding, held
from jenkins_ml.adapters.docker.place import LOCK, Place
from jenkins_ml.adapters.docker.proxy import Proxy
from jenkins_ml.adapters.docker.readiness import Waiting
from jenkins_ml.adapters.docker.servers import Servers
from jenkins_ml.adapters.target import Answer, Servable, Serving
from jenkins_ml.config.model import seconds
from jenkins_ml.config.serve import Serve
from jenkins_ml.core.judge import Window
from jenkins_ml.errors import StageFailed, Unavailable
from jenkins_ml.rendering import haproxy
from jenkins_ml.rendering.haproxy import Traffic

# The canary's share falls back to 0 by itself when nobody renews it for this long, as on the local target.
LEASE_SECONDS: Final = 10


class DockerTarget:
    """One environment of a model on a Docker engine.

    Args:
        model: its name.
        environment: its name.
        serve: the section, as it holds in this environment.
        progress: takes a line about what is under way.
        lease_seconds: how long a canary keeps its share when we say nothing any more.
    """

    def __init__(
        self,
        model: str,
        environment: str,
        serve: Serve,
        progress: Callable[[str], None],
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        self._serve, self._progress, self._lease = serve, progress, lease_seconds
        self._engine = Engine(serve.docker.host)
        self._place = Place(model, environment)
        self._proxy = Proxy(self._engine, self._place, serve, progress)
        self._servers = Servers(self._engine, self._place, serve, progress)
        self._holding: Holding | None = None
        self._traffic: Traffic | None = None
        self._counted: dict[int, tuple[int, ...]] = {}
        self._addresses: dict[int, str] = {}

    @contextlib.contextmanager
    def hold(self, holder: str) -> Iterator[None]:
        """Hold the lock of this environment on the engine for the time of a block.

        Raises:
            Unavailable: somebody else holds it.
        """
        image = pulling.ensure(self._engine, self._serve.docker.proxy_image, self._progress)
        try:
            with held(self._engine, self._place, image.id, holder) as self._holding:
                yield
        finally:
            self._holding = None
            self.close()

    def close(self) -> None:
        """Close the connections to the engine; they are opened again when they are needed."""
        self._proxy.close()
        self._engine.close()

    def check(self, steps: tuple[int, ...], shadow: int) -> None:
        """Traffic is split request by request, and requests can be sampled: anything will do."""

    def start(self) -> None:
        """Have the network and the proxy."""
        self._still_ours()
        self._proxy.ensure(self._ready_addresses)
        for version in self._proxy.versions() - self._servers.all().keys():
            self._proxy.take_out(version)

    def load(self, servable: Servable) -> None:
        """Bring up the container of a version; when that fails, it is taken away again.

        Raises:
            IntegrityError: it cannot be served.
            UsageError: the engine does not start it as it is configured.
            Unavailable: its image cannot be pulled now.
        """
        self._still_ours()
        private = self._private()
        listed = self._servers.all()
        found = listed.get(servable.version)
        if found is not None and not _is_as_wanted(found, servable):
            self._take_out(servable.version)
            listed.pop(servable.version)
            found = None
        try:
            if found is None:
                address = private.free(listed.values())
                container = self._servers.create(servable, private, address)
                self._servers.start(container)
            else:
                container, address = found["Id"], str(servers.address(found, private))
            limit = seconds(self._serve.docker.ready_timeout)
            pinned = lambda: self._proxy.pinned  # noqa: E731 - it may have to be opened again
            Waiting(self._engine, pinned, container, address, servable, limit, self._progress).wait()
            self._servers.keep(container)
        except Exception:
            self._take_out(servable.version)
            raise
        self._addresses[servable.version] = address
        self._still_ours()
        self._proxy.add(servable.version, address)

    def unload(self, version: int) -> None:
        """Take a version out: it gets nothing new, answers what it is at, and goes."""
        self._still_ours()
        traffic = self._now()
        if version in (traffic.stable, traffic.canary):
            kept = replace(traffic, canary=None, weight=0)
            self._split(replace(kept, stable=None) if version == traffic.stable else kept)
        if self._proxy.find() is not None and version in self._proxy.versions():
            self._proxy.drain(version)
        self._take_out(version)

    def route(self, stable: int, canary: int | None, weight: int) -> None:
        """Split the traffic."""
        self._still_ours()
        listed = self._servers.all()
        behind = self._proxy.versions()
        for version in (stable, canary):
            if version is None:
                continue
            running = self._servers.running(listed[version]) if version in listed else None
            if running is None or version not in behind:
                raise StageFailed(f"version {version} is not loaded here", "release it again")
            if listed[version]["State"] != "running":
                raise StageFailed(
                    f"version {version} does not run: {running.problem}", "look at its log, or release again"
                )
        share = weight if canary is not None else 0
        traffic = replace(self._now(), stable=stable, canary=canary if share else None, weight=share)
        self._split(
            replace(traffic, until=self._until() if share else 0, slow_ms=self._serve.canary.max_latency_p99_ms)
        )

    def renew(self) -> None:
        """The canary's share ends by itself when this is not called for a while."""
        self._still_ours()
        traffic = self._now()
        if traffic.canary is not None:
            self._traffic = replace(traffic, until=self._until())
            self._proxy.prolong(self._traffic)

    def seen(self, version: int) -> Window:
        """The answers of a version to users since this was asked the last time; the first time only begins to count.

        They do not say what was predicted, nor whether it was NaN: the proxy does not read answers.
        """
        now = self._proxy.counts().get(version, (0,) * haproxy.CELLS)
        before = self._counted.get(version, now)
        self._counted[version] = now
        return counters.window(now, before)

    def ask(self, version: int, body: bytes, seconds: float) -> Answer:
        """Ask the container of one version, straight."""
        address = self._addresses.get(version)
        if address is None:
            found = self._servers.all().get(version)
            address = servers.address(found, self._private()) if found is not None else None
            if address is None:
                return Answer(status=None, seconds=0.0, body=f"version {version} is not loaded here".encode())
            self._addresses[version] = address
        path = f"/v1/models/{self._place.model}/versions/{version}:predict"
        return self._proxy.pinned.ask(address, servers.REST_PORT, path, body, seconds)

    def sample(self, percent: int) -> tuple[bytes, ...]:
        """A share of what users asked over REST, but for long requests; the proxy forgets them after ten seconds."""
        traffic = replace(self._now(), sampled=percent, sampled_until=self._until() if percent else 0)
        self._proxy.prolong(traffic)
        self._traffic = traffic
        return tuple(self._proxy.samples().values())

    def serving(self) -> Serving:
        """What runs now."""
        running = [self._servers.running(container) for container in self._servers.all().values()]
        try:
            traffic = self._proxy.traffic()
            rest, grpc = self._proxy.addresses()
        except Unavailable as error:  # what runs is known nevertheless
            self._progress(error.what)
            traffic, rest, grpc = Traffic(), None, None
        leased = traffic.canary is not None and traffic.until > self._now_there()
        return Serving(
            versions=tuple(sorted(running, key=lambda each: each.version)),
            stable=traffic.stable,
            canary=traffic.canary,
            weight=traffic.weight,
            share=float(traffic.weight) if leased else 0.0,
            rest=rest,
            grpc=grpc,
        )

    def remember(self, key: str, text: str | None) -> None:
        """Keep a text in the proxy's volume."""
        self._proxy.remember(key, text)

    def recall(self, key: str) -> str | None:
        """The text that was kept."""
        return self._proxy.recall(key)

    def destroy(self) -> tuple[str, ...]:
        """Take away the containers, volumes and the network of this model and environment; nothing else has their labels."""
        from docker import errors

        self._still_ours()
        self._proxy.close()
        removed = []
        for container in self._engine.containers(self._place.filters()):
            if container["Labels"].get(names.LABEL_ROLE) == LOCK:
                continue  # it is ours, and goes at the end of the block
            if self._engine.remove(container["Id"]):
                removed.append(f"container {container['Names'][0].lstrip('/')}")
        with translated("remove volumes"):
            for volume in self._engine.api.volumes(filters=self._place.filters())["Volumes"] or ():
                with contextlib.suppress(errors.NotFound):
                    self._engine.api.remove_volume(volume["Name"])
                    removed.append(f"volume {volume['Name']}")
        removed += [f"network {name}" for name in network.remove(self._engine, self._place)]
        self._traffic = None
        self._counted.clear()
        self._addresses.clear()
        return tuple(removed)

    def _still_ours(self) -> None:
        """Raises when somebody else may change the environment now; whoever never held it has not asked for that."""
        if self._holding is not None:
            self._holding.check()

    def _private(self) -> network.Network:
        found = network.find(self._engine, self._place)
        if found is None:
            raise StageFailed("the network of this environment is not there", "release again")
        return found

    def _ready_addresses(self) -> dict[int, str]:
        """The addresses of versions that run, for a proxy that is made anew."""
        private = self._private()
        listed = {version: each for version, each in self._servers.all().items() if each["State"] == "running"}
        return {version: address for version, each in listed.items() if (address := servers.address(each, private))}

    def _take_out(self, version: int) -> None:
        """Take a version away, wherever it is."""
        proxy = self._proxy.find()
        if proxy is not None and proxy["State"] == "running":
            self._proxy.take_out(version)
        self._servers.remove(version)
        self._addresses.pop(version, None)

    def _now(self) -> Traffic:
        """How requests are split, as far as we have said it; the proxy is only asked the first time."""
        if self._traffic is None:
            self._traffic = self._proxy.traffic()
        return self._traffic

    def _split(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._proxy.split(traffic)

    @cached_property
    def _clock_ahead(self) -> float:
        """How many seconds the clock of the engine's machine is ahead of ours."""
        return self._engine.now() - time.time()

    def _now_there(self) -> float:
        return time.time() + self._clock_ahead

    def _until(self) -> int:
        return int(self._now_there()) + self._lease


def _is_as_wanted(container: Object, servable: Servable) -> bool:
    """Whether the container of a version runs what is to be loaded; other limits or another image do not matter to that."""
    return (
        container["State"] == "running"
        and container["Labels"].get(names.NOTE_DIGEST) == servable.reference.manifest_digest
    )
