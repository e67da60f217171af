"""A Docker engine as a target of releases: what the rollout asks for, done with the parts beside this module."""

from __future__ import annotations

import base64
import binascii
import contextlib
import weakref
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from jenkins_ml import names
from jenkins_ml.adapters.docker import causes
from jenkins_ml.adapters.docker.asking import Asker
from jenkins_ml.adapters.docker.connection import address_of, connect, present, reached_at
from jenkins_ml.adapters.docker.counters import Server, Snapshot
from jenkins_ml.adapters.docker.lock import Holding, held
from jenkins_ml.adapters.docker.proxy import Proxy
from jenkins_ml.adapters.docker.shapes import NOTES, Shapes
from jenkins_ml.adapters.docker.versions import Versions, version_of
from jenkins_ml.adapters.target import Answer, Running, Servable, Serving
from jenkins_ml.config.serve import Serve
from jenkins_ml.core.judge import Window
from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.records import ServerSummary
from jenkins_ml.rendering import haproxy


class DockerTarget:
    """One environment of a model on a Docker engine.

    Args:
        model: its name.
        environment: its name.
        serve: the section, as it holds in this environment.
        progress: takes a line about what is under way.
    """

    def __init__(self, model: str, environment: str, serve: Serve, progress: Callable[[str], None]) -> None:
        self._shapes = Shapes(model, environment, serve)
        self._docker, self._progress = serve.docker, progress
        self._holding: Holding | None = None
        self._seen: dict[int, Snapshot] = {}

    # Nothing is reached before it is needed: much is refused without an engine.
    @cached_property
    def _client(self) -> Any:
        client = connect(self._docker.host)
        weakref.finalize(self, client.close)
        return client

    @cached_property
    def _proxy(self) -> Proxy:
        return Proxy(self._client, self._shapes, self._progress)

    @cached_property
    def _asker(self) -> Asker:
        return Asker(self._client, self._proxy)

    @cached_property
    def _versions(self) -> Versions:
        return Versions(self._client, self._shapes, self._proxy, self._asker, self._progress)

    @contextlib.contextmanager
    def hold(self, holder: str) -> Iterator[None]:
        """Hold the lock of this environment on this engine for the time of a block.

        Raises:
            Unavailable: somebody else holds it.
        """
        image = present(self._client, self._docker.proxy_image, self._progress)
        with held(self._client, self._shapes, image.id, holder) as holding:
            self._holding = holding
            try:
                yield
            finally:
                self._holding = None

    def check(self, steps: tuple[int, ...], shadow: int) -> None:
        """Every request is balanced by itself, and requests can be sampled: anything will do."""

    def start(self) -> None:
        """Bring up the proxy, as this configuration has it."""
        self._still_ours()
        self._proxy.start()

    def load(self, servable: Servable) -> None:
        """Bring up a version without traffic; when that fails, its container is taken away again.

        Raises:
            IntegrityError: it cannot be served.
            UsageError: there is no such image.
            Unavailable: an engine or a registry does not answer.
        """
        self._still_ours()
        self._versions.bring(servable)

    def unload(self, version: int) -> None:
        """Take a version out, after the requests under way were answered."""
        self._still_ours()
        self._versions.take_out(version)

    def route(self, stable: int, canary: int | None, weight: int) -> None:
        """Split the traffic: new requests follow it at once, on open connections, too."""
        self._still_ours()
        self._proxy.route(stable, canary, weight)

    def renew(self) -> None:
        """A canary keeps its share when the deployer dies; so it must find out when somebody else has taken over."""
        self._still_ours()

    def seen(self, version: int) -> Window:
        """The answers of a version to users since this was asked the last time; the first time only begins to count."""
        known = self._proxy.servers()
        now = self._proxy.counted(known)
        before = self._seen.get(version)
        self._seen[version] = now
        if before is None:
            return Window()
        return now.since(before).window(version, _sharing(version, known))

    def ask(self, version: int, body: bytes, seconds: float) -> Answer:
        """Ask one version, past the traffic."""
        return self._asker.post(f"{self._shapes.path(version)}:predict", body, seconds)

    def sample(self, percent: int) -> tuple[bytes, ...]:
        """REST requests of users since this was asked the last time; the proxy keeps them, and forgets them in 10 s."""
        found = []
        for line in self._proxy.control.ask(f"jenkins-ml sample {percent}").split():
            with contextlib.suppress(binascii.Error):
                found.append(base64.b64decode(line, validate=True))
        return tuple(found)

    def summaries(self, version: int) -> tuple[ServerSummary, ...]:
        """What users have asked a version, where its container runs our server.

        Raises:
            UsageError: it runs another one.
            Unavailable: it does not answer.
        """
        return self._versions.summaries(version)

    def serving(self) -> Serving:
        """What runs now; nothing is started or changed."""
        containers = self._versions.all()
        if self._proxy.find() is None:
            return Serving(versions=tuple(self._running(container, None) for container in containers))
        layout = self._proxy.layout()
        published = self._proxy.published()
        try:
            known = self._proxy.servers() if published else []
        except JenkinsMLError:
            known, published = [], {}
        weights = {server.version: server.weight for server in known if server.backend == "rest"}
        told = layout.weights()
        stable, canary, weight = layout.stable, layout.canary, layout.weight
        if known and weights != {version: told.get(version, 0) for version in weights}:
            stable, canary, weight = _by_weights(weights, layout.stable)
        total = sum(weights.values())
        host = reached_at(address_of(self._docker.host), self._docker.bind)
        rest, grpc = published.get(haproxy.REST_PORT), published.get(haproxy.GRPC_PORT)
        return Serving(
            versions=tuple(self._running(container, known) for container in containers),
            stable=stable if known else None,
            canary=canary if known else None,
            weight=weight if known else 0,
            share=100 * weights.get(canary, 0) / total if canary is not None and total else None,
            rest=f"http://{host}:{rest}/v1/models/{self._shapes.model}" if rest and known else None,
            grpc=f"{host}:{grpc}" if grpc and known else None,
        )

    def remember(self, key: str, text: str | None) -> None:
        """Keep a small text in the proxy's volume; None forgets it."""
        self._proxy.write_note(key, text)

    def recall(self, key: str) -> str | None:
        """The text that was kept; None for none."""
        if self._proxy.find() is None:
            return None
        text = self._proxy.read(f"{NOTES}/{key}")
        return None if text is None else text.decode()

    def destroy(self) -> tuple[str, ...]:
        """Take away containers, network and volume of this model and environment; answers what that was."""
        self._still_ours()
        removed = []
        for container in self._versions.all():
            self._versions.remove(container)
            removed.append(f"container {container.name}")
        self._asker.close()
        return (*removed, *self._proxy.destroy())

    def _running(self, container: Any, known: list[Server] | None) -> Running:
        version = version_of(container)
        server = next((each for each in known or () if each.version == version and each.backend == "rest"), None)
        check = None if server is None or server.up else server.check
        problem = causes.problem(container.attrs, check, self._docker.memory)
        if not problem and server is None:
            problem = "the proxy does not know it" if known is not None else "no proxy runs"
        return Running(
            version=version,
            manifest_digest=container.labels.get(names.NOTE_DIGEST),
            replicas=1,
            ready=int(not problem),
            image=container.labels.get(names.NOTE_IMAGE),
            since=str(container.attrs["State"].get("StartedAt") or ""),
            problem=problem,
        )

    def _still_ours(self) -> None:
        """Raises Unavailable when somebody has taken the environment over."""
        if self._holding is not None:
            self._holding.check()


def _sharing(version: int, known: list[Server]) -> int | None:
    """The version that shares the traffic with another one and can answer; None for none."""
    others = [
        server.version
        for server in known
        if server.backend == "rest" and server.version != version and server.weight > 0 and server.up
    ]
    return others[0] if len(others) == 1 else None


def _by_weights(weights: dict[int, int], stable: int | None) -> tuple[int | None, int | None, int]:
    """Stable, canary and its share in percent, where the proxy has other weights than it was told last."""
    busy = sorted((version for version, weight in weights.items() if weight), key=lambda version: -weights[version])
    if not busy:
        return None, None, 0
    first = stable if stable in busy else busy[0]
    canary = next((version for version in busy if version != first), None)
    share = 0 if canary is None else round(100 * weights[canary] / sum(weights.values()))
    return first, canary, share
