"""What every target of releases can do: the local server, a Docker engine, a Kubernetes cluster.

A target holds what runs in one environment of one model. It is told what to do by the rollout (adapters/release.py) and
by whoever brings it to what the journal says (steps/serving.py); it decides nothing itself. Every method may be called
again after any of them was interrupted anywhere: whatever is done already is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jenkins_ml.adapters.answers import AnswerReader
from jenkins_ml.core.judge import Window
from jenkins_ml.core.origin import Origin
from jenkins_ml.records import Manifest, VersionRef


@dataclass(frozen=True, kw_only=True)
class Golden:
    """One recorded example, and what the version answered to it when it was gated.

    Args:
        body: the REST predict request.
        check: takes the body of an answer; answers what is wrong with it, None for nothing.
    """

    body: bytes
    check: Callable[[bytes], str | None]


@dataclass(frozen=True, kw_only=True)
class Servable:
    """A version that can be served.

    Args:
        reference: which version, by number and digest.
        manifest: what is recorded of it.
        path: the folder of its files; they were verified.
        golden: asked of each instance before it gets traffic; None where no example was recorded.
        reader: how its predictions are counted, where the server can do that.
        by: the build or user who releases it.
        release: number of the journal's entry that began its release; None where there is none (yet).
    """

    reference: VersionRef
    manifest: Manifest
    path: Path
    golden: Golden | None
    reader: AnswerReader
    by: str
    release: int | None = None

    @property
    def version(self) -> int:
        """Its number."""
        return self.reference.version

    @property
    def origin(self) -> Origin:
        """Where it comes from, for the server's log."""
        made = self.manifest.lineage
        return Origin(run=made.run, commit=made.commit.sha, build=made.built_by, release=self.release)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one instance answered to one request that was sent to it by the deployer.

    Args:
        status: the HTTP status; None when it did not answer in time.
        seconds: how long that took.
        body: the answer; the reason where there is none.
    """

    status: int | None
    seconds: float
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Running:
    """A version as the target has it.

    Args:
        version: its number.
        manifest_digest: of what runs; None where the target cannot tell.
        replicas: how many instances are wanted.
        ready: how many of them can answer.
        image: what they run, by digest; None where there is no image.
        since: when it was started, RFC 3339; empty where that is not known.
        problem: why it is not ready, as one sentence that names the cause; empty when it is.
    """

    version: int
    manifest_digest: str | None
    replicas: int
    ready: int
    image: str | None = None
    since: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What runs in an environment.

    Args:
        versions: all that the target has, by number.
        stable: the version that gets the traffic; None when none does.
        canary: the version that gets a share of it.
        weight: that share in percent, as it was set.
        share: the share of the canary as far as the target can tell it, in percent; None where it cannot.
        rest: address of the model over REST; ":predict" behind it asks for a prediction. None when nothing answers.
        grpc: host and port over gRPC.
    """

    versions: tuple[Running, ...] = ()
    stable: int | None = None
    canary: int | None = None
    weight: int = 0
    share: float | None = None
    rest: str | None = None
    grpc: str | None = None

    def find(self, version: int) -> Running | None:
        """A version, as it runs."""
        return next((running for running in self.versions if running.version == version), None)


class Watched(Protocol):
    """What a release looks at while it moves traffic. Raises as Target does."""

    def renew(self) -> None:
        """Say that the deployer still lives, where the share of a canary ends by itself when it does not."""

    def seen(self, version: int) -> Window:
        """The answers of a version to users since this was asked the last time; the first time only begins to count."""

    def ask(self, version: int, body: bytes, seconds: float) -> Answer:
        """Ask one version for a prediction, whatever the traffic; this is not counted in `seen`."""

    def sample(self, percent: int) -> tuple[bytes, ...]:
        """REST requests of users since this was asked the last time, each kept with that chance; 0 ends it.

        They stay in memory, and are forgotten when nobody asks for them again.
        """


class Target(Watched, Protocol):
    """Where the versions of a model are served in one environment, and traffic is split between two of them.

    All methods raise Unavailable when the target does not answer, and UsageError when what is asked for cannot be done
    there at all.
    """

    def hold(self, holder: str) -> AbstractContextManager[None]:
        """Be the only one that changes this environment, on whatever machine, for the time of a block.

        Raises:
            Unavailable: somebody else is; the message names the holder.
        """

    def check(self, steps: tuple[int, ...], shadow: int) -> None:
        """Make sure that traffic can be split in these steps, and users' requests be sampled where `shadow` is not 0.

        Raises:
            UsageError: it cannot; the message says what could be.
        """

    def start(self) -> None:
        """Bring up what must be there before any version is: the server, or the proxy."""

    def load(self, servable: Servable) -> None:
        """Bring up a version beside the others, without traffic; returns when all its instances can answer.

        An instance can when it answers the metadata of exactly this version and the golden prediction.

        Raises:
            IntegrityError: it cannot be served; the message names the cause, such as the last lines of its log.
        """

    def unload(self, version: int) -> None:
        """Take a version out, after the requests under way were answered; nothing happens when it is not there."""

    def route(self, stable: int, canary: int | None, weight: int) -> None:
        """Give `weight` percent of the traffic to the canary and the rest to stable; no request fails by that.

        Raises:
            StageFailed: a version is not there or not ready.
        """

    def serving(self) -> Serving:
        """What runs now; nothing is started or changed."""

    def remember(self, key: str, text: str | None) -> None:
        """Keep a small text with the target, whatever becomes of the store; None forgets it."""

    def recall(self, key: str) -> str | None:
        """The text that was kept; None for none."""

    def destroy(self) -> tuple[str, ...]:
        """Take away exactly what was made for this model and environment; answers what that was, one name each."""
