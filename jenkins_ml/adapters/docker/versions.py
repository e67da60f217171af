"""Brings containers of versions up and down."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from jenkins_ml import names
from jenkins_ml.adapters import archives, images
from jenkins_ml.adapters.docker import causes, network
from jenkins_ml.adapters.docker.asking import Asker
from jenkins_ml.adapters.docker.connection import Missing, present, translated
from jenkins_ml.adapters.docker.proxy import Proxy
from jenkins_ml.adapters.docker.reading import file_in
from jenkins_ml.adapters.docker.shapes import (
    MODELS,
    RESTARTS,
    SERVER,
    SETTINGS,
    TOKEN_FILE,
    Shapes,
    free_address,
)
from jenkins_ml.adapters.target import Golden, Servable
from jenkins_ml.adapters.told_summaries import check_kept, told
from jenkins_ml.errors import IntegrityError, JenkinsMLError, Unavailable
from jenkins_ml.records import ServerSummary
from jenkins_ml.rendering import haproxy

_STOP_SECONDS: Final = 30  # for requests that name the version; others were waited for
_FAILED_STOP_SECONDS: Final = 1  # one that never answered a user has nothing to finish
_ASK_SECONDS: Final = 10.0
_GOLDEN_SECONDS: Final = 30.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0
_LOG_LINES: Final = 15
_TOKEN_BYTES: Final = 32


class Versions:
    """The containers of one environment's versions.

    Args:
        client: of the engine.
        shapes: what they look like.
        proxy: in front of them.
        asker: asks them.
        note: takes a line about what is under way.
    """

    def __init__(self, client: Any, shapes: Shapes, proxy: Proxy, asker: Asker, note: Callable[[str], None]) -> None:
        self._client, self._shapes, self._proxy, self._asker, self._note = client, shapes, proxy, asker, note

    def all(self) -> list[Any]:
        """The containers, running or not; by version."""
        with translated("looking for the versions"):
            found = self._client.containers.list(all=True, filters=self._shapes.selector(SERVER), ignore_removed=True)
        return sorted(found, key=version_of)

    def bring(self, servable: Servable) -> None:
        """Make a version's container, and wait until it serves what it should; see Target.load."""
        version = servable.version
        layout = self._proxy.layout()
        used = version in (layout.stable, layout.canary)
        found = self._find(servable, used=used)
        if found is None:
            found = self._make(servable)
        try:
            self._start(found)
            self._proxy.add(version, _address(found, self._shapes.name))
            self._await_metadata(version, found)
            if servable.golden is not None:
                self._prove(servable.golden, version, found)
            self._proxy.vouch(version)
            with translated(f"bringing up version {version}"):
                found.update(restart_policy=RESTARTS)
        except JenkinsMLError:
            if not used:
                with contextlib.suppress(JenkinsMLError):  # why it failed is what counts
                    self.take_out(version, _FAILED_STOP_SECONDS)
            raise

    def take_out(self, version: int, seconds: int = _STOP_SECONDS) -> None:
        """Take a version out; its requests are answered first.

        Args:
            version: which.
            seconds: that its server gets to end.
        """
        self._proxy.remove(version)
        for container in self.all():
            if version_of(container) == version:
                self.remove(container, seconds)

    def remove(self, container: Any, seconds: int = _STOP_SECONDS) -> None:
        """Stop a container, and remove it with the volumes that are its own."""
        with contextlib.suppress(Missing), translated(f"removing {container.name}"):
            container.stop(timeout=seconds)
            container.remove(v=True, force=True)

    def summaries(self, version: int) -> tuple[ServerSummary, ...]:
        """What a version's server has summarised of users' requests; nothing where it keeps no summary."""
        check_kept(self._shapes.serve.server.kind)
        found = next((container for container in self.all() if version_of(container) == version), None)
        if found is None:
            return ()
        token = file_in(found, f"{SETTINGS}/{TOKEN_FILE}")
        if token is None:
            return ()  # it was brought up before there were summaries
        signed = {names.TOKEN_HEADER: token.decode()}
        answer = self._asker.get(f"{self._shapes.path(version)}{haproxy.SUMMARY}", _ASK_SECONDS, signed)
        if answer.status is None or answer.status >= 500:
            said = answer.body[:200].decode(errors="replace")
            raise Unavailable(
                f"version {version} does not say what it was asked: answer {answer.status or 'none'}: {said}",
                "jenkins-ml status says what is wrong with it",
            )
        summary = told(found.name, answer)
        return () if summary is None else (summary,)

    # --- bringing one up -----------------------------------------------------------------------------------------------
    def _find(self, servable: Servable, *, used: bool) -> Any:
        """The version's container that is complete; others of its number go, unless they get traffic."""
        for container in self.all():
            if version_of(container) != servable.version:
                continue
            digest = container.labels.get(names.NOTE_DIGEST)
            same = digest == servable.reference.manifest_digest
            if used and not same:
                raise IntegrityError(
                    f"container {container.name} has another version {servable.version}, of digest {digest}, and gets traffic",
                    "find out which of the two is meant: a store that was lost gives its numbers anew",
                )
            complete = container.attrs["HostConfig"]["RestartPolicy"]["Name"] == RESTARTS["Name"]
            if same and complete:
                return container
            self._proxy.remove(servable.version)
            self.remove(container)
        return None

    def _make(self, servable: Servable) -> Any:
        shapes, version = self._shapes, servable.version
        image, digest = self._image(servable)
        with translated("looking at the image"):
            user = self._client.images.get(image).attrs["Config"].get("User") or ""
        doing = f"making the container of version {version}"
        self._note(doing)
        subnet, gateway = network.ensure(self._client, shapes)
        used = {_address(container, shapes.name) for container in self.all()}
        address = free_address(subnet, gateway, used, proxy=False)
        inside = shapes.serve.image is not None
        settings = shapes.version_container(servable, image, digest, address, user, inside=inside)
        with translated(doing):
            made = self._client.api.create_container_from_config(settings, shapes.of_version(version))
            container = self._client.containers.get(made["Id"])
        try:
            with translated(doing):
                if not inside:
                    files = archives.of_version(servable.manifest, servable.path, f"{shapes.model}/{version}")
                    container.put_archive(MODELS, files)
                container.put_archive(SETTINGS, archives.of_texts(shapes.settings(secrets.token_urlsafe(_TOKEN_BYTES))))
        except BaseException:
            with contextlib.suppress(JenkinsMLError):
                self.remove(container)
            raise
        return container

    def _image(self, servable: Servable) -> tuple[str, str]:
        """The id of the image that a version runs, and what is recorded of it: by digest where a registry has it."""
        serve = self._shapes.serve
        if serve.image is not None:
            built = images.ensure(
                self._client,
                config=serve.image,
                server=serve.server,
                model=self._shapes.model,
                servable=servable,
                progress=self._note,
            )
            return built.id, built.digest or built.id
        found = present(self._client, serve.server.image, self._note)
        digests = found.attrs.get("RepoDigests") or ()
        return found.id, digests[0] if digests else found.id

    def _start(self, container: Any) -> None:
        if container.status == "running":
            return
        self._note(f"starting {container.name}")
        with translated(f"starting {container.name}"):
            container.start()

    def _await_metadata(self, version: int, container: Any) -> None:
        """Wait until a container answers the metadata of exactly this version."""
        ends, pause = time.monotonic() + self._shapes.ready_seconds, _FIRST_PAUSE
        self._note(f"waiting until version {version} answers")
        while True:
            with translated(f"waiting for version {version}"):
                container.reload()
            state = container.attrs["State"]
            if causes.has_ended(state):
                how = causes.ending(state, self._shapes.docker.memory)
                raise self._failed(version, f"its container {how} while it was loaded", container)
            answer = self._asker.get(f"{self._shapes.path(version)}/metadata", _ASK_SECONDS)
            if answer.status == 200:
                if _version_in(answer.body) == str(version):
                    return
                said = answer.body[:200].decode(errors="replace")
                raise self._failed(version, f"the server answers with other metadata: {said}", container)
            if time.monotonic() > ends:
                said = answer.body[:200].decode(errors="replace")
                raise self._failed(
                    version,
                    f"it did not answer within {self._shapes.ready_seconds:.0f} s (serve.docker.ready_timeout); the last "
                    f"answer was {answer.status or 'none'}: {said}",
                    container,
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _prove(self, golden: Golden, version: int, container: Any) -> None:
        """Ask the golden prediction."""
        answer = self._asker.post(f"{self._shapes.path(version)}:predict", golden.body, _GOLDEN_SECONDS)
        if answer.status != 200:
            said = answer.body[:300].decode(errors="replace")
            raise self._failed(
                version, f"asked as at the gate, it answers {answer.status or 'nothing'}: {said}", container
            )
        if problem := golden.check(answer.body):
            raise IntegrityError(
                f"version {version} does not answer as it did when it was gated: {problem}",
                "train it again, or release another version",
            )

    def _failed(self, version: int, why: str, container: Any) -> IntegrityError:
        """With the last lines of its log."""
        log = ""
        with contextlib.suppress(JenkinsMLError), translated("reading its log"):
            log = container.logs(tail=_LOG_LINES).decode(errors="replace").strip()
        last = f"\nthe last lines of its log:\n{log}" if log else "; its log is empty"
        return IntegrityError(
            f"version {version} cannot be served: {why}{last}",
            "find out what it lacks, then train it again, or change serve.server and serve.docker",
        )


def version_of(container: Any) -> int:
    """The number of the version that a container serves."""
    return int(container.labels[names.LABEL_VERSION])


def _address(container: Any, network: str) -> str:
    """The address that a container was given in a network."""
    settings = container.attrs["NetworkSettings"]["Networks"][network]
    return str(settings["IPAMConfig"]["IPv4Address"])


def _version_in(body: bytes) -> str | None:
    """The version that metadata are of."""
    try:
        return str(json.loads(body)["model_spec"]["version"])
    except (ValueError, KeyError, TypeError):
        return None
