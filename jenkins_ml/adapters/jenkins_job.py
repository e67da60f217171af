"""A job as it is before a build is started: what it takes, what waits for it, what has been built.

Jenkins drops parameters that a job does not define, makes "no" of any boolean but "true", and answers a choice outside
its list with a page about a crash. So what it would swallow is refused here, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from jenkins_ml.adapters.jenkins_paths import item_name, item_path
from jenkins_ml.adapters.jenkins_server import NotFound, Server
from jenkins_ml.errors import UsageError

_STARTED: Final = "actions[parameters[name,value],causes[userId]]"
_JOB: Final = (
    "fullName,buildable,color,inQueue,nextBuildNumber,jobs[name]{0,100},"
    "property[parameterDefinitions[name,type,choices,defaultParameterValue[value]]]"
)
_QUEUE: Final = f"items[id,task[url],{_STARTED}]"
_HIDDEN: Final = "PasswordParameterDefinition"  # Jenkins never shows its values


@dataclass(frozen=True)
class Parameter:
    """A parameter that a job defines.

    Args:
        name: of the parameter.
        kind: Jenkins' class of the definition, such as "ChoiceParameterDefinition".
        choices: the values that it may have; empty where any will do.
        default: its value where none is given, as the API shows it; None where it shows none.
    """

    name: str
    kind: str
    choices: tuple[str, ...] = ()
    default: Any = None

    @property
    def hidden(self) -> bool:
        """Whether the API never shows a value of it."""
        return self.kind == _HIDDEN


@dataclass(frozen=True)
class Started:
    """A build, or an item of the queue that will become one, with what started it.

    Args:
        queue_id: of the item.
        number: of the build; None while it waits.
        users: who asked for it, once for each time; None where nobody's name is known (a timer, another job).
        parameters: with their values, where the API shows them.
    """

    queue_id: int
    number: int | None
    users: tuple[str | None, ...]
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """A job that can be built.

    Args:
        name: its full name, as the server writes it.
        path: below the server's address.
        next_number: of the build that comes next.
        parameters: what it defines; empty for a job without.
        waiting: what waits in the queue.
        session: of the server, another one after each restart; empty where a proxy removes the header.
    """

    name: str
    path: str
    next_number: int
    parameters: tuple[Parameter, ...]
    waiting: tuple[Started, ...]
    session: str


def look(server: Server, name: str) -> Job:
    """Look at a job that is to be built.

    Args:
        server: where it is.
        name: its full name, such as "folder/job".

    Raises:
        NotFound: there is no such job, or the user may not see it.
        UsageError: it cannot be built.
    """
    path = item_path(name)
    answer = server.exchange("GET", f"{path}/api/json", query={"tree": _JOB})
    if answer.status == 404:
        raise _missing(server, name)
    found = answer.object()
    full_name = str(found.get("fullName", name))
    _refuse_what_cannot_be_built(found, full_name)
    parameters = tuple(
        _parameter(definition)
        for holder in found.get("property") or ()
        for definition in holder.get("parameterDefinitions") or ()
    )
    waiting = queued(server, full_name) if found.get("inQueue") else ()
    session = answer.headers.get("X-Jenkins-Session", "")
    return Job(full_name, item_path(full_name), int(found["nextBuildNumber"]), parameters, waiting, session)


def queued(server: Server, name: str) -> tuple[Started, ...]:
    """What waits in the queue for a job, the oldest first."""
    items = server.exchange("GET", "queue/api/json", query={"tree": _QUEUE}).object().get("items") or ()
    mine = [item for item in items if item_name(str((item.get("task") or {}).get("url", ""))) == name]
    return tuple(sorted((_started(item, "id") for item in mine), key=lambda each: each.queue_id))


def built(server: Server, job: Job, first: int, last: int) -> tuple[tuple[Started, ...], str]:
    """Builds of a job, newest first, counted from the newest; and the server's session.

    Args:
        server: where it is.
        job: which one.
        first: 0 is the newest.
        last: the first that is left out.
    """
    tree = f"builds[number,queueId,{_STARTED}]{{{first},{last}}}"
    answer = server.exchange("GET", f"{job.path}/api/json", query={"tree": tree})
    if answer.status == 404:
        raise _missing(server, job.name)
    builds = answer.object().get("builds") or ()
    return tuple(_started(build, "queueId") for build in builds), answer.headers.get("X-Jenkins-Session", "")


def check_parameters(job: Job, given: Sequence[tuple[str, str]]) -> None:
    """Refuse what Jenkins would drop, change or choke on. No message holds a value: it may be a secret.

    Raises:
        UsageError: one of them cannot be given to this job.
    """
    if given and not job.parameters:
        reason = (
            "parameters in a Jenkinsfile are defined by its first build: trigger it once without"
            if job.next_number == 1
            else "leave --param out, or define them in the job or its Jenkinsfile; the next build after that knows them"
        )
        raise UsageError(f"{job.name} has no parameters", reason)
    defined = {parameter.name: parameter for parameter in job.parameters}
    seen: set[str] = set()
    for name, value in given:
        if name not in defined:
            near = get_close_matches(name, defined, 1)
            raise UsageError(
                f"{job.name} has no parameter {name!r}, and Jenkins would drop it without a word",
                f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(defined)}",
            )
        if name in seen:
            raise UsageError(f"parameter {name!r} is given twice", "give it once")
        seen.add(name)
        _check_value(defined[name], value)


def _check_value(parameter: Parameter, value: str) -> None:
    if parameter.kind == "BooleanParameterDefinition" and value not in ("true", "false"):
        raise UsageError(
            f"parameter {parameter.name!r} is a boolean, and is given neither true nor false",
            "write true or false: Jenkins takes anything else for false",
        )
    if parameter.choices and value not in parameter.choices:
        raise UsageError(
            f"parameter {parameter.name!r} is given a value that is none of its choices",
            f"choose one of: {', '.join(parameter.choices)}",
        )
    if parameter.kind == "FileParameterDefinition":
        raise UsageError(
            f"parameter {parameter.name!r} is a file that is uploaded, which cannot be given here",
            "use a text parameter with --param-file, or a job that fetches the file",
        )


def _refuse_what_cannot_be_built(found: Mapping[str, Any], name: str) -> None:
    kind = str(found.get("_class", ""))
    inside = [str(job.get("name")) for job in found.get("jobs") or ()]
    if "jobs" in found or "buildable" not in found:
        if "MultiBranch" in kind:
            branch = inside[0] if inside else "main"
            raise UsageError(f"{name} is a multibranch project", f'name the job of a branch, such as "{name}/{branch}"')
        raise UsageError(
            f"{name} is no job but a {kind.rpartition('.')[2] or 'folder'}",
            f"it has: {', '.join(inside[:10])}" if inside else "it has no jobs",
        )
    if not found["buildable"]:
        if found.get("color") in ("disabled", "disabled_anime"):
            raise UsageError(f"{name} is disabled", "enable it: on its web page, or in jobs.yaml and `jobs apply`")
        raise UsageError(
            f"{name} cannot be built: it was copied and never saved", "save its configuration once, on its web page"
        )


def _missing(server: Server, name: str) -> NotFound:
    """There is no such job: what is there that has nearly this name?"""
    parent, _, last = name.strip("/").rpartition("/")
    path = f"{item_path(parent)}/" if parent else ""
    answer = server.exchange("GET", f"{path}api/json", query={"tree": "jobs[name]"})
    jobs = answer.object().get("jobs") or () if answer.status == 200 else ()
    near = get_close_matches(last, [str(job.get("name")) for job in jobs], 1)
    return NotFound(
        f"there is no job {name!r} at {server.server}, or user {server.user} may not see it",
        f"did you mean {f'{parent}/{near[0]}'.lstrip('/')!r}?"
        if near
        else "look at its full name and at what the user may see; a slash in the name of a branch is written %2F",
    )


def _parameter(definition: Mapping[str, Any]) -> Parameter:
    default = definition.get("defaultParameterValue") or {}
    return Parameter(
        str(definition.get("name")),
        str(definition.get("type")),
        tuple(str(choice) for choice in definition.get("choices") or ()),
        default.get("value"),
    )


def _started(item: Mapping[str, Any], key: str) -> Started:
    actions = item.get("actions") or ()
    causes = [cause for action in actions for cause in action.get("causes") or ()]
    parameters = [each for action in actions for each in action.get("parameters") or ()]
    return Started(
        queue_id=int(item.get(key) or 0),
        number=item.get("number"),
        users=tuple(cause.get("userId") for cause in causes),
        parameters={str(each.get("name")): each.get("value") for each in parameters},
    )
