"""A model in production on each kind of target, for benchmarks of releases.

They run against the engines and stand-ins of the tests: a real Docker engine and a real API server with its controllers,
whose containers and simulated pods answer as tests/fakes/model_server.py does. On the local target the embedded server
serves real models. Commands are jenkins-ml's own, as users give them.

Version 1 is in production, version 2 (run "good") is as good, and version 3 (run "bad") answers badly when it is told to;
both are approved against version 1.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.project import scratch
from benchmarks.traffic import Traffic, Users
from jenkins_ml import names
from jenkins_ml.adapters import warm
from jenkins_ml.adapters.kubernetes import kinds
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from tests.engines import control_plane, docker_engine
from tests.engines.missing import MissingPart
from tests.fakes import docker_site, doubting_model, engine_repository
from tests.fakes.engine_repository import configure, train_and_gate
from tests.fakes.kubernetes_site import Site, pods_answer, site_of
from tests.fakes.repository import Commands, Repository, processes_in, wait_until

TARGETS = ("local", "docker", "kubernetes")
MODEL = f"bench{os.getpid()}"  # nobody else's: an engine may be shared
GOOD, BAD = 2, 3
ASKED = json.dumps({"instances": [[3.0, 3.0, 3.0, 3.0]]}).encode()
TOO_MUCH = json.dumps({"instances": [[60.0, 3.0, 3.0, 3.0]]}).encode()
_STARTED_SECONDS = 60.0
_LOOK_SECONDS = 0.01
_AFTERWARDS_SECONDS = 2.0


@dataclass(frozen=True)
class Fall:
    """What came of a canary that began to answer badly.

    Args:
        seconds: from its first bad answer until nobody was sent to it any more.
        answers: that users got, from the first bad one on.
        failed: users' requests that failed, from then on.
        after: users' requests that failed, or were answered badly, and were sent after the deployer had said that it
            rolled back.
    """

    seconds: float
    answers: int = 0
    failed: int = 0
    after: int = 0


class Scene:
    """One target.

    Args:
        repository: the model.
        rest: where users ask; None where they cannot.
    """

    def __init__(self, repository: Repository, rest: str | None) -> None:
        self.repository, self.rest = repository, rest

    def users(self, per_second: float) -> Users:
        """Users who ask for predictions."""
        assert self.rest is not None
        return Users(self.rest, ASKED, per_second)

    def fall(self, per_second: float, chance: random.Random) -> Fall:
        """Release the bad version, let it answer badly when it has a share of the traffic, and see what comes of it."""
        raise NotImplementedError

    def served(self) -> AbstractContextManager[list[str]]:
        """Users ask, or what would answer them is looked at; the list gets a line for each one without an answer."""
        raise NotImplementedError

    def made(self) -> list[str]:
        """What there is of ours, but for what holds the lock."""
        raise NotImplementedError

    def back(self, kept: Path) -> None:
        """To version 1 and the store as it was kept, whatever has happened."""
        home = self.repository.store.home
        shutil.rmtree(home)
        shutil.copytree(kept, home)
        self.repository.ok("serve", run="first")  # is there already: it brings the engine to what that journal says

    def keep(self, kept: Path) -> None:
        """Keep the store as it is."""
        shutil.copytree(self.repository.store.home, kept)

    def _begin(self, chance: random.Random) -> Canary:
        canary = Canary(self.repository)
        canary.wait_for("% of the traffic to version")
        time.sleep(chance.uniform(1.0, 2.0))  # anywhere between two looks
        return canary


class Canary:
    """The release of the bad version, as a command that runs."""

    def __init__(self, repository: Repository) -> None:
        self._process = repository.start("serve", run="bad")
        self._lines: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, args=(self._process.stderr,), daemon=True)
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.append((time.monotonic(), line))

    def said(self, text: str) -> float | None:
        """When it first said something; None when it has not."""
        return next((when for when, line in self._lines if text in line), None)

    def wait_for(self, text: str) -> float:
        """Wait until it has said something; answers when that was."""
        ends = time.monotonic() + _STARTED_SECONDS
        while (when := self.said(text)) is None:
            if self._process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(f"the release never said {text!r}:\n{self._all()}")
            time.sleep(_LOOK_SECONDS)
        return when

    def end(self) -> float:
        """Wait until it has rolled back and ended; answers when it said so."""
        said = self.wait_for(f"version {BAD} was rolled back")
        code = self._process.wait(60)
        self._reader.join(10)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        if code != 5:
            raise SystemExit(f"the release of a bad version ended with {code}:\n{self._all()}")
        return said

    def _all(self) -> str:
        return "".join(line for _, line in self._lines)


class Watch:
    """Takes samples of a number pair, (requests, failed), as often as it can, until the end of the block."""

    def __init__(self, sample: Callable[[], tuple[int, int] | None]) -> None:
        self._sample = sample
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.samples: list[tuple[float, int, int]] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            if (found := self._sample()) is not None:
                self.samples.append((time.monotonic(), *found))

    def first_failure(self) -> float:
        """When more had failed than at first."""
        before = self.samples[0][2]
        for when, _, failed in self.samples:
            if failed > before:
                return when
        raise SystemExit("the canary never failed, as far as it says")

    def last_request(self) -> float:
        """When there was one more request for the last time."""
        most = max(requests for _, requests, _ in self.samples)
        return next(when for when, requests, _ in self.samples if requests == most)


# --- the local target -------------------------------------------------------------------------------------------------
class Local(Scene):
    """The embedded server. Users ask for what the bad version answers with NaN; so they see each bad answer."""

    # What the server keeps of itself in the store stays.
    _KEPT = ("versions", "runs", "journal", "serving", "predictions", "reservations", "staging")

    def fall(self, per_second: float, chance: random.Random) -> Fall:
        """See Scene."""
        with self.users(per_second) as users:
            canary = self._begin(chance)
            users.change(TOO_MUCH)
            said = canary.end()
            time.sleep(_AFTERWARDS_SECONDS)
        answers = users.answers
        bad = [answer for answer in answers if b"NaN" in answer.body]
        if not bad:
            raise SystemExit("the bad version gave no bad answer")
        rest = [answer for answer in answers if answer.time >= bad[0].time]
        last = max(answer.time for answer in rest if answer.version == str(BAD))
        wrong = [answer for answer in rest if not answer.ok or b"NaN" in answer.body]
        return Fall(
            seconds=last - bad[0].time,
            answers=len(rest),
            failed=sum(not answer.ok for answer in rest),
            after=sum(answer.asked > said for answer in wrong),
        )

    @contextlib.contextmanager
    def served(self) -> Iterator[list[str]]:
        """See Scene."""
        with _asking(self) as lost:
            yield lost

    def made(self) -> list[str]:
        """See Scene: here what the server has, the processes, and what the store publishes and has staged."""
        repository, server = self.repository, self.repository.server()
        assert server is not None
        # Who was killed took part in a process group of ours, and is gone before anything else is asked.
        wait_until(lambda: processes_in(repository.folder) == {server.pid}, "only the server is left")
        loaded = [(number, each["state"]) for number, each in sorted(server.state()["versions"].items())]
        with repository.store.staging():  # the next writer clears what a dead one left
            pass
        return [
            *(f"version {number} in the server" for number, state in loaded if state not in ("UNLOADING", "END")),
            *(f"version {number} published" for number in sorted(repository.store.published())),
            *(f"{path.name} staged" for path in (repository.store.home / "staging").iterdir()),
        ]

    def keep(self, kept: Path) -> None:
        """See Scene."""
        for part in self._KEPT:
            if (self.repository.store.home / part).exists():
                shutil.copytree(self.repository.store.home / part, kept / part)

    def back(self, kept: Path) -> None:
        """See Scene."""
        home = self.repository.store.home
        for part in self._KEPT:
            shutil.rmtree(home / part, ignore_errors=True)
            if (kept / part).exists():
                shutil.copytree(kept / part, home / part)
        self.repository.ok("server")


# --- Docker -----------------------------------------------------------------------------------------------------------
class Docker(Scene):
    """A Docker engine, its proxy, and stand-ins of TensorFlow Serving that fail when they are told to.

    Users see no failure, since the proxy puts what the canary fails to production; so the canary is asked how often it
    failed.
    """

    def __init__(self, repository: Repository, rest: str, engine: Any) -> None:
        super().__init__(repository, rest)
        self._engine = engine

    def fall(self, per_second: float, chance: random.Random) -> Fall:
        """See Scene."""
        with self.users(per_second) as users:
            canary = self._begin(chance)
            hook = f"http://{self._address(BAD)}:8501/behaviour"

            def sample() -> tuple[int, int] | None:
                with contextlib.suppress(OSError, ValueError, KeyError), urllib.request.urlopen(hook, timeout=2) as got:
                    seen = json.load(got)[f"{MODEL}/{BAD}"]
                    return seen["requests"], seen["failed"]
                return None

            with Watch(sample) as watch:
                wait_until(lambda: watch.samples, "the canary says what it was asked")
                urllib.request.urlopen(hook, json.dumps({"fail_share": 1.0}).encode(), timeout=10).close()
                said = canary.end()
            time.sleep(_AFTERWARDS_SECONDS)
        first = watch.first_failure()
        rest = [answer for answer in users.answers if answer.time >= first]
        failed = [answer for answer in rest if not answer.ok]
        return Fall(
            seconds=watch.last_request() - first,
            answers=len(rest),
            failed=len(failed),
            after=sum(answer.asked > said for answer in failed),
        )

    @contextlib.contextmanager
    def served(self) -> Iterator[list[str]]:
        """See Scene."""
        with _asking(self) as lost:
            yield lost

    def made(self) -> list[str]:
        """See Scene."""
        labelled = {"label": f"{names.LABEL_MODEL}={MODEL}"}
        client = self._engine.client
        containers = client.containers.list(all=True, filters=labelled, ignore_removed=True)
        others = (*client.networks.list(filters=labelled), *client.volumes.list(filters=labelled))
        return sorted(each.name for each in (*containers, *others) if not each.name.endswith("-lock"))

    def _address(self, version: int) -> str:
        """Of a version's container, in the private network that this machine is part of."""
        labels = [f"{names.LABEL_MODEL}={MODEL}", f"{names.LABEL_VERSION}={version}"]
        [container] = self._engine.client.containers.list(filters={"label": labels})
        [network] = container.attrs["NetworkSettings"]["Networks"].values()
        address: str = network["IPAddress"]
        return address


# --- Kubernetes -------------------------------------------------------------------------------------------------------
class Kubernetes(Scene):
    """A real API server with simulated nodes, and pods that fail when they are told to.

    Nobody can call the Service there: replayed examples bring the bad answers, and where its selector sends requests is
    looked at.
    """

    def __init__(self, repository: Repository, site: Site) -> None:
        super().__init__(repository, None)
        self._site = site
        self._service = f"{MODEL}-production"

    def fall(self, per_second: float, chance: random.Random) -> Fall:  # noqa: ARG002 - see above
        """See Scene."""
        site = self._site
        canary = self._begin(chance)
        pods = [site.network.at(pod["status"]["podIP"]) for pod in site.pods(BAD)]

        def sample() -> tuple[int, int]:
            found = [models.versions[MODEL, BAD] for models in pods if (MODEL, BAD) in models.versions]
            return sum(each.requests for each in found), sum(each.failed for each in found)

        alone: list[float] = []

        def selects() -> tuple[int, int] | None:
            service = site.api.get(kinds.SERVICE, site.namespace, self._service)
            assert service is not None
            if service["spec"]["selector"].get(names.LABEL_VERSION) == "1":
                alone.append(time.monotonic())
            return None

        try:
            with Watch(sample) as watch, Watch(selects):
                wait_until(lambda: watch.samples, "the pods say what they were asked")
                assert not alone, "the canary has no share"
                site.network.behave(version=BAD, fail_share=1.0)
                canary.end()
                wait_until(lambda: alone, "the Service names production alone")
        finally:
            site.network.behave(version=BAD, fail_share=None)
        return Fall(seconds=alone[0] - watch.first_failure())

    @contextlib.contextmanager
    def served(self) -> Iterator[list[str]]:
        """See Scene: the Service always has a ready pod to send a request to."""
        lost: list[str] = []
        ended = threading.Event()
        api = Api(self._site.api.connection)

        def look() -> None:
            while not ended.wait(_LOOK_SECONDS * 3):
                slices = api.list(kinds.SLICE, self._site.namespace, f"kubernetes.io/service-name={self._service}")
                endpoints = [each for part in slices["items"] for each in part.get("endpoints") or ()]
                if not any((each.get("conditions") or {}).get("ready") for each in endpoints):
                    lost.append("the Service had no ready pod")

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            ended.set()
            thread.join(30)

    def made(self) -> list[str]:
        """See Scene."""
        passing = ("Pod ", "ReplicaSet ", "EndpointSlice ", "Lease ")
        return sorted(name for name in self._site.made() if not name.startswith(passing))


# --- bringing them up -------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def scene(target: str, canary: dict[str, object]) -> Iterator[Scene]:
    """One of TARGETS until the end of the block, with version 1 in production.

    Args:
        target: which.
        canary: the section `serve.canary`.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch()) / "project"
        address = stack.enter_context(warm.started())
        commands = stack.enter_context(Commands())
        repository = Repository(folder, {names.ENV_WARM: str(address)}, commands, model_py=doubting_model.MODEL)
        stack.enter_context(repository)
        repository.model = MODEL
        repository.change(names.CONFIG_FILE, "model: tiny", f"model: {MODEL}")
        repository.change(names.CONFIG_FILE, '"model:train"}', '"model:train", params: {most: 1.0e+9}}')
        try:
            serve, made = _SERVE[target](stack)
        except MissingPart as missing:
            raise SystemExit(f"releases on {target} cannot be measured on this machine: it {missing}") from missing
        configure(repository, **serve, canary=canary)
        repository.commit("where it is served")
        train_and_gate(repository, "first")
        rest = engine_repository.answer_of(repository, "serve", run="first")["rest"]
        train_and_gate(repository, "good")
        repository.ok("train", run="bad", **{f"{names.ENV_PARAM_PREFIX}most": "50"})
        repository.ok("gate", run="bad")
        yield made(repository, str(rest))


_Made = tuple[dict[str, Any], Callable[[Repository, str], Scene]]


def _local(_: contextlib.ExitStack) -> _Made:
    return {}, Local


def _docker(stack: contextlib.ExitStack) -> _Made:
    engine = stack.enter_context(docker_engine.running())
    engine_repository.clear_docker(engine, MODEL)
    stack.callback(engine_repository.clear_docker, engine, MODEL)
    serve = engine_repository.on_docker(engine, docker_site.image_of_model_server(engine))
    return serve, lambda repository, rest: Docker(repository, rest, engine)


def _kubernetes(stack: contextlib.ExitStack) -> _Made:
    site = stack.enter_context(cluster())
    return engine_repository.on_kubernetes(site.namespace), lambda repository, _: Kubernetes(repository, site)


_SERVE: dict[str, Callable[[contextlib.ExitStack], _Made]] = {
    "local": _local,
    "docker": _docker,
    "kubernetes": _kubernetes,
}


@contextlib.contextmanager
def cluster() -> Iterator[Site]:
    """A namespace of a cluster with simulated nodes, which KUBECONFIG names until the end of the block."""
    before = os.environ.get("KUBECONFIG")
    with control_plane.running() as plane:
        os.environ["KUBECONFIG"] = str(plane.kubeconfig)
        try:
            api = Api(connect(None))
            with contextlib.ExitStack() as stack:
                try:
                    network = stack.enter_context(pods_answer(api))
                except OSError as error:
                    what = "the port of the pods is taken: do tests of Kubernetes run on this machine?"
                    raise SystemExit(f"{what} {error}") from error
                yield stack.enter_context(site_of(api, network))
        finally:
            os.environ.pop("KUBECONFIG")
            if before is not None:
                os.environ["KUBECONFIG"] = before


@contextlib.contextmanager
def _asking(scene: Scene, per_second: float = 50) -> Iterator[list[str]]:
    """One user, whose requests without an answer are in the list at the end of the block."""
    lost: list[str] = []
    assert scene.rest is not None
    with Traffic(scene.rest, ASKED, per_second) as user:
        yield lost
    lost += [f"no answer: {answer.body[:200]!r}" for answer in user.answers if not answer.ok]
