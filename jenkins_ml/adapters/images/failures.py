"""What went wrong with an image: in words of an engine or a registry, and as one of our errors."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from jenkins_ml.errors import JenkinsMLError, Unavailable, UsageError

_DENIED: Final = re.compile(
    r"\b(denied|unauthorized|forbidden|authentication required|no basic auth credentials)\b", re.I
)
_MISSING: Final = re.compile(r"\b(not found|no such image|does not exist|(manifest|name|repository) unknown)\b", re.I)
_FIXED: Final = re.compile(r"\bimmutable\b", re.I)
_FULL: Final = re.compile(r"\bno space left on device\b", re.I)
_LONGEST: Final = 300  # characters of a message that are worth a line


@contextlib.contextmanager
def translated(doing: str, image: str) -> Iterator[None]:
    """Turn what the Docker SDK raises in the block into our errors.

    Args:
        doing: what was being done, such as "pushing digits:3".
        image: which image that was about.
    """
    import requests
    from docker import errors

    try:
        yield
    except errors.APIError as error:
        raise failure(doing, image, str(error.explanation or error)) from error
    except (requests.exceptions.RequestException, errors.DockerException) as error:
        raise Unavailable(
            f"{doing}: the Docker engine does not answer: {_short(str(error))}", "start the engine, then run it again"
        ) from error


def events(stream: Iterable[dict[str, Any]], doing: str, image: str) -> Iterator[dict[str, Any]]:
    """The events of a build, pull or push.

    Args:
        stream: of the engine; it is read to its end, which closes the connection.
        doing: what was being done.
        image: which image that was about.

    Raises:
        JenkinsMLError: one of them says that it failed.
    """
    problem = None
    for event in stream:
        problem = problem or event.get("error")
        if not problem:
            yield event
    if problem:
        raise failure(doing, image, str(problem))


def failure(doing: str, image: str, message: str) -> JenkinsMLError:
    """Our error for a message of an engine, which hands on what a registry answered.

    Args:
        doing: what was being done.
        image: which image that was about.
        message: why it failed.
    """
    what = f"{doing}: {_short(message)}"
    if _FULL.search(message):
        return Unavailable(what, "free some space where the Docker engine keeps its images, then run it again")
    if _FIXED.search(message):
        return UsageError(
            what, "the registry keeps tags as they are: release a new version, or name another repository"
        )
    if _DENIED.search(message):
        return UsageError(
            what,
            f"docker login {registry(image)}, as the user who runs this and with an account that may do that; or check "
            "the name",
        )
    if _MISSING.search(message):
        return UsageError(
            what, f"check the name {image}; some registries want a repository to be made before it is pushed to"
        )
    return Unavailable(what, "check the registry and the network between, then run it again")


def registry(image: str) -> str:
    """The registry in an image's name, as `docker login` takes it; empty for Docker Hub."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else ""


def _short(message: str) -> str:
    text = " ".join(message.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
