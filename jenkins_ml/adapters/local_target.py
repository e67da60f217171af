"""The embedded server of this machine as a target of releases."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Final

from jenkins_ml.adapters import local_server
from jenkins_ml.adapters.clock import rfc3339
from jenkins_ml.adapters.local_server import LocalServer
from jenkins_ml.adapters.target import Answer, Running, Servable, Serving
from jenkins_ml.core.judge import Window
from jenkins_ml.errors import IntegrityError, Unavailable
from jenkins_ml.records import ServerSummary

# The canary's share falls back to 0 by itself when nobody renews it for this long.
LEASE_SECONDS: Final = 10.0


@dataclass
class LocalTarget:
    """The embedded server of one environment.

    Args:
        state_file: where it says how it is reached.
        model: the name that it serves.
        spawn: starts one, and returns when it answers.
        slower_than_ms: what counts as slow; None for nothing.
    """

    state_file: Path
    model: str
    spawn: Callable[[], LocalServer]
    slower_than_ms: float | None = None
    _found: LocalServer | None = field(default=None, init=False)
    _traffic: tuple[int, int | None, int] | None = field(default=None, init=False)
    _sequences: dict[int, int] = field(default_factory=dict, init=False)
    _predicted: dict[int, list[int]] = field(default_factory=dict, init=False)

    def hold(self, holder: str) -> AbstractContextManager[None]:  # noqa: ARG002 - other targets keep it
        """The release lock of the store is enough: the server is on the machine that has the store."""
        return contextlib.nullcontext()

    def check(self, steps: tuple[int, ...], shadow: int) -> None:
        """Traffic is split request by request, and requests can be sampled: anything will do."""

    def start(self) -> None:
        """Find the server, or start it."""
        self._found = local_server.find(self.state_file) or self.spawn()

    @property
    def server(self) -> LocalServer:
        """The running server.

        Raises:
            Unavailable: none runs.
        """
        self._found = self._found or local_server.find(self.state_file)
        if self._found is None:
            raise Unavailable("no model server runs", "jenkins-ml server starts it")
        return self._found

    def load(self, servable: Servable) -> None:
        """Load and warm a version; one that was kept ready is taken as it is."""
        self.server.tell_origin(servable.version, servable.origin)
        if not self.server.has(servable.version):
            reader = servable.reader
            self.server.load(servable.version, servable.path, output=reader.output, edges=reader.edges)
        if servable.golden is not None:
            answer = self.ask(servable.version, servable.golden.body, local_server.ANSWER_SECONDS)
            problem = servable.golden.check(answer.body) if answer.status == 200 else f"it answers {answer.status}"
            if problem:
                self.unload(servable.version)
                what = f"version {servable.version} does not answer as it did when it was gated: {problem}"
                raise IntegrityError(what, "train it again, or release another version")

    def unload(self, version: int) -> None:
        """Take a version out."""
        self.server.unload(version)

    def route(self, stable: int, canary: int | None, weight: int) -> None:
        """Split the traffic."""
        self._traffic = (stable, canary, weight)
        self.renew()

    def renew(self) -> None:
        """The canary's share ends by itself when this is not called for a while."""
        if self._traffic is not None:
            self.server.set_traffic(*self._traffic, LEASE_SECONDS)

    def seen(self, version: int) -> Window:
        """The answers to users since this was asked the last time; the first time only begins to count."""
        since = self._sequences.get(version)
        if since is None:
            since = self.server.state()["versions"].get(str(version), {}).get("sequence", 0)
        window = self.server.window(version, since, self.slower_than_ms, pinned=False)
        self._sequences[version] = window.sequence
        before = self._predicted.get(version, [])
        self._predicted[version] = window.predicted
        return Window(
            requests=window.requests,
            failed=window.failed,
            nan=window.nan,
            slow=window.slow,
            latencies=tuple(window.latencies),
            predictions=tuple(now - then for now, then in zip_longest(window.predicted, before, fillvalue=0)),
        )

    def ask(self, version: int, body: bytes, seconds: float) -> Answer:
        """Ask one version; a server that does not answer at all is Unavailable, which says nothing of the version."""
        began = time.monotonic()
        status, _, answer = self.server.predict(version, body, seconds)
        return Answer(status=status, seconds=time.monotonic() - began, body=answer)

    def sample(self, percent: int) -> tuple[bytes, ...]:
        """A share of what users asked over REST."""
        return self.server.sample(percent, LEASE_SECONDS)

    def summaries(self, version: int) -> tuple[ServerSummary, ...]:
        """What users have asked a version since it was loaded; nothing where it has no reference."""
        found = self.server.summary(version)
        return () if found is None else (ServerSummary(server="server", since=found[0], summary=found[1]),)

    def serving(self) -> Serving:
        """What the server has; nothing where none runs."""
        server = self._found = self._found or local_server.find(self.state_file)
        if server is None:
            return Serving()
        state = server.state()
        traffic = state["traffic"]
        return Serving(
            versions=tuple(
                Running(
                    version=int(number),
                    manifest_digest=None,
                    replicas=1,
                    ready=int(loaded["state"] == "AVAILABLE"),
                    since=rfc3339(loaded["loaded_at"]) if loaded["loaded_at"] else "",
                    problem="" if loaded["state"] == "AVAILABLE" else loaded["error"] or loaded["state"].lower(),
                )
                for number, loaded in sorted(state["versions"].items(), key=lambda item: int(item[0]))
                if loaded["state"] not in ("UNLOADING", "END")
            ),
            stable=traffic["stable"],
            canary=traffic["canary"],
            weight=traffic["weight"],
            share=float(traffic["weight"]),
            rest=server.rest_url(self.model),
            grpc=f"127.0.0.1:{server.grpc_port}",
        )

    def remember(self, key: str, text: str | None) -> None:
        """Nothing: the server is found through the store, so without the store there is nothing to do with it."""

    def recall(self, key: str) -> str | None:  # noqa: ARG002 - see `remember`
        """Nothing."""
        return None

    def destroy(self) -> tuple[str, ...]:
        """Stop the server, and remove its log. Its lock file stays: whoever waits for that lock has it open."""
        server = local_server.find(self.state_file)
        if server is not None:
            server.stop()
        self._found = None
        log = self.state_file.with_suffix(".log")
        removed = (log.name,) if log.exists() else ()
        log.unlink(missing_ok=True)
        return (*((f"model server, process {server.pid}",) if server else ()), *removed)
