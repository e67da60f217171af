"""The shape of jobs.yaml: which folders and jobs a Jenkins server has, and who manages them.

One class a type of job. `defaults` and `templates` hold parts of jobs; config/jobs_file.py puts them together before
anything here looks at a job.
"""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from jenkins_ml.config import patterns
from jenkins_ml.config.jenkins import (
    Address,
    Agent,
    Approval,
    BuildParameter,
    Carried,
    Count,
    Listed,
    Schedule,
    Text,
    Trigger,
)
from jenkins_ml.config.section import Duration, Path_, Section, Timeout, refuse
from jenkins_ml.config.variables import ParameterName, Variable, alike

LONGEST_NAME = 200  # characters of one part: a file system takes 255 bytes, and a server adds to it
_FORBIDDEN = "?*/\\%!@#$^&|<>[]:;"


def item_name(text: str) -> str:
    """A full name as Jenkins takes it: parts with a slash between them.

    Raises:
        ValueError: Jenkins would refuse a part of it, or change it in silence.
    """
    for part in text.split("/"):
        if not part or part in (".", ".."):
            raise ValueError("a name has parts with one '/' between them, and none of them is empty, '.' or '..'")
        if bad := sorted(set(part) & set(_FORBIDDEN)):
            raise ValueError(f"Jenkins takes no {' '.join(bad)} in a name")
        if not part.isprintable():
            raise ValueError("Jenkins takes no control characters in a name")
        if part != part.strip() or part.endswith("."):
            raise ValueError(f"{part!r}: blanks around a name, or a dot at its end, do not last")
        if len(part) > LONGEST_NAME:
            raise ValueError(f"a part of a name has at most {LONGEST_NAME} characters")
    return text


def _written(text: str) -> str:
    """A text that XML and a server hand back as it was written."""
    if bad := re.search("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text):
        raise ValueError(f"U+{ord(bad[0]):04X} is no character of a text")
    return text


Name = Annotated[Text, AfterValidator(item_name)]
Owner = Annotated[str, Field(pattern=patterns.OWNER)]
Written = Annotated[str, AfterValidator(_written)]
Line = Annotated[str, Field(min_length=1), AfterValidator(_written)]
Plugin = Annotated[str, Field(pattern=patterns.LIBRARY)]
Branches = Annotated[tuple[Listed, ...], Field(strict=False)]


class Needs(Section):
    """What a Jenkinsfile needs of the server beside what its job does: the plan looks whether it is there."""

    plugins: Annotated[tuple[Plugin, ...], Field(strict=False)] = Field(default=(), description="Ids of plugins.")
    credentials: Annotated[tuple[Line, ...], Field(strict=False)] = Field(
        default=(), description="Ids of credentials, looked for in the job's folders and in the system's store."
    )


class Retention(Section):
    """Which old builds Jenkins removes."""

    keep: Count | None = Field(default=None, description="Keep this many builds.")
    days: Count | None = Field(default=None, description="Keep builds for this many days.")
    artifact_keep: Count | None = Field(default=None, description="Keep the artefacts of this many builds.")
    artifact_days: Count | None = Field(default=None, description="Keep artefacts for this many days.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any(getattr(self, name) is not None for name in type(self).model_fields):
            raise ValueError("give at least one of `keep`, `days`, `artifact_keep`, `artifact_days`")
        return self


class GitSource(Section):
    """One branch of a git repository; needs the plugin git."""

    git: Address = Field(description="Address of the repository.")
    branch: Line = Field(default="main", description='Branch, tag or pattern; "main" stands for "*/main".')
    credentials: Line | None = Field(default=None, description="Id of the credential that may read it.")
    depth: Count | None = Field(default=None, description="Clone only so many commits; default all.")


class ForkTrust(Section):
    """Pull requests from forks, whose authors you may not know; needs GitHub or GitLab."""

    build: Literal["merge", "head", "both"] = Field(
        default="merge", description="merge: as merged with the target; head: as it is."
    )
    trust: Literal["nobody", "permission", "everyone"] = Field(
        default="nobody",
        description="Whose Jenkinsfile is believed: nobody: the target's is used; permission: of those who may write.",
    )


class Source(Section):
    """The repository of a multibranch project: exactly one of `git`, `github`, `gitlab`."""

    git: Address | None = Field(default=None, description="Address of a git repository; needs the plugin git.")
    github: Annotated[str, Field(pattern=patterns.OWNER_AND_NAME)] | None = Field(
        default=None, description='"owner/name" at GitHub; needs the plugin github-branch-source.'
    )
    gitlab: Annotated[str, Field(pattern=patterns.REPOSITORY)] | None = Field(
        default=None, description='"group/name" at GitLab; needs the plugin gitlab-branch-source.'
    )
    credentials: Line | None = Field(default=None, description="Id of the credential that may read it.")
    api: Annotated[str, Field(pattern=patterns.WEB_ADDRESS)] | None = Field(
        default=None, description="API of a GitHub Enterprise; default GitHub's own."
    )
    server: Line | None = Field(
        default=None, description='What the server calls its GitLab, in its system configuration; default "default".'
    )
    ssh_credentials: Line | None = Field(
        default=None, description="Check out over SSH with this credential; for `github` and `gitlab`."
    )
    depth: Count | None = Field(default=None, description="Clone only so many commits; default all.")
    branches: Literal["all", "without_request", "with_request"] = Field(
        default="without_request",
        description="Which branches are built: those that are (not) filed as a pull request, or all; git knows only all.",
    )
    pull_requests: Literal["merge", "head", "both", "none"] = Field(
        default="merge",
        description="Pull requests within the repository: as merged with the target, as they are, both, or none.",
    )
    forks: ForkTrust | None = Field(default=None, description="Pull requests from forks; default none.")
    tags: bool = Field(default=False, description="Tags are listed too; Jenkins does not build them by itself.")
    include: Branches = Field(default=(), description='Only these branches, such as ["main", "release/*"].')
    exclude: Branches = Field(default=(), description="Not these branches.")

    @property
    def kind(self) -> Literal["git", "github", "gitlab"]:
        """Which of them it is."""
        return "git" if self.git is not None else "github" if self.github is not None else "gitlab"

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if sum(value is not None for value in (self.git, self.github, self.gitlab)) != 1:
            raise ValueError("give exactly one of `git`, `github`, `gitlab`")
        of_forges = ("forks", "ssh_credentials", "branches", "pull_requests")
        wrong: list[tuple[Path_, str]] = []
        if self.kind == "git":
            wrong += [
                ((name,), "git alone knows nothing of pull requests: use `github` or `gitlab`")
                for name in of_forges
                if name in self.model_fields_set
            ]
        if self.api is not None and self.kind != "github":
            wrong.append((("api",), "`api` belongs to `github`"))
        if self.server is not None and self.kind != "gitlab":
            wrong.append((("server",), "`server` belongs to `gitlab`"))
        if any(" " in name for name in (*self.include, *self.exclude)):
            wrong.append((("include",), "no blank can be in the name of a branch"))
        if wrong:
            refuse(wrong)
        return self


class Webhook(Section):
    """A web hook for any sender; needs the plugin generic-webhook-trigger."""

    token_credentials: Line = Field(
        description="Id of a secret text: whoever knows it may start builds. The token itself stands nowhere."
    )
    variables: dict[ParameterName, Line] = Field(
        default_factory=dict, description="Build variable: JSONPath in what is posted, such as {ref: $.ref}."
    )
    text: Written | None = Field(default=None, description='What `pattern` is held against, such as "$ref".')
    pattern: Line | None = Field(default=None, description="Regular expression; other hooks start nothing.")
    cause: Line = Field(default="Web hook", description="Shown as the cause of the build.")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.text is None) != (self.pattern is None):
            raise ValueError("`text` and `pattern` need each other")
        return self


class Upstream(Section):
    """Builds of other jobs."""

    jobs: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)] = Field(description="Full names.")
    result: Literal["success", "unstable", "failure"] = Field(
        default="success", description="The worst result of theirs that still starts a build."
    )


class JobTrigger(Trigger):
    """What starts a build: one of these."""

    cron: Schedule | None = Field(default=None, description='When, in Jenkins\' cron syntax ("H 3 * * *").')
    webhook: Webhook | None = Field(default=None, description="A web hook for any sender.")
    upstream: Upstream | None = Field(default=None, description="Builds of other jobs.")


class Item(Section):
    """What every folder and job has."""

    name: Name = Field(description='Full name, such as "vision/digits"; folders that are not there are made.')
    display_name: Line | None = Field(default=None, description="Shown instead of the name.")
    description: Written = Field(default="", description="Shown on its page.")


class Folder(Item):
    """A folder. Its credentials, permissions, libraries and views are the server's and stay as they are."""

    type: Literal["folder"] = Field(description="The type.")


class Job(Item):
    """What every job has that runs something."""

    disabled: bool = Field(default=False, description="Nothing starts it.")
    needs: Needs = Field(default_factory=Needs.model_construct, description="What the plan looks for on the server.")


class Pipeline(Job):
    """A pipeline whose Jenkinsfile lies in a repository (`scm`) or here (`inline` or `inline_file`)."""

    type: Literal["pipeline"] = Field(default="pipeline", description="The type, and the default.")
    scm: GitSource | None = Field(default=None, description="Repository that holds the Jenkinsfile.")
    script: Line = Field(default="Jenkinsfile", description="Path of the Jenkinsfile in the repository.")
    lightweight: bool = Field(
        default=True, description="Fetch only the Jenkinsfile before the build, not the whole repository."
    )
    checkout: Line | None = Field(
        default=None,
        description="Folder of the repository on this machine, relative to jobs.yaml: the plan reads there what its "
        "Jenkinsfile needs of the server.",
    )
    inline: Written | None = Field(default=None, description="The text of the pipeline.")
    inline_file: Line | None = Field(default=None, description="File that holds it, relative to jobs.yaml.")
    sandbox: bool = Field(
        default=True,
        description="Run an inline pipeline in the Groovy sandbox; false needs an administrator's approval.",
    )
    parameters: Annotated[tuple[BuildParameter, ...], Field(strict=False)] = Field(
        default=(), description="Build parameters; those of its Jenkinsfile come on top with its first build."
    )
    triggers: Annotated[tuple[JobTrigger, ...], Field(strict=False)] = Field(
        default=(), description="What starts a build; what its Jenkinsfile names comes on top."
    )
    discard: Retention | None = Field(default=None, description="Which old builds are removed; default none.")
    concurrent: Literal["allow", "queue", "abort_previous"] = Field(
        default="allow", description="What a second build does while one runs."
    )
    quiet_period: Duration | None = Field(
        default=None, description="How long a build waits for more triggers, in whole seconds; default the server's."
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if problems := [*self._text_problems(), *self._trigger_problems(), *self._name_problems()]:
            refuse(problems)
        return self

    def _text_problems(self) -> Iterator[tuple[Path_, str]]:
        given = [name for name in ("scm", "inline", "inline_file") if getattr(self, name) is not None]
        if len(given) != 1:
            yield (), "give exactly one of `scm`, `inline`, `inline_file`"
        elif given[0] != "scm":
            for name in ("script", "lightweight", "checkout"):
                if name in self.model_fields_set:
                    yield (name,), f"`{name}` belongs to `scm`"
        elif "sandbox" in self.model_fields_set:
            yield ("sandbox",), "a Jenkinsfile from a repository always runs in the sandbox"
        if self.quiet_period is not None and self.quiet_period % timedelta(seconds=1):
            yield ("quiet_period",), "Jenkins counts in whole seconds"

    def _trigger_problems(self) -> Iterator[tuple[Path_, str]]:
        kinds = [trigger.kind for trigger in self.triggers]
        for index, kind in enumerate(kinds):
            if kind in kinds[:index]:
                yield ("triggers", index), f"a second {kind}: each kind once, and a schedule may have several lines"
            if kind == "poll" and self.scm is None:
                yield ("triggers", index), "there is no `scm` that could be polled"

    def _name_problems(self) -> Iterator[tuple[Path_, str]]:
        for index, parameter in enumerate(self.parameters):
            for text in (parameter.description, str(parameter.default or ""), *parameter.choices):
                try:
                    _written(text)
                except ValueError as error:
                    yield ("parameters", index), str(error)
        yield from alike(
            (parameter.name, "parameters", ("parameters", index, parameter.kind))
            for index, parameter in enumerate(self.parameters)
        )


class Orphans(Section):
    """What becomes of the job of a branch that is gone."""

    keep: Count | None = Field(default=None, description="Keep so many of them.")
    days: Count | None = Field(default=None, description="Keep them for so many days.")
    remove: bool = Field(default=True, description="Remove the others; false keeps all.")
    abort: bool = Field(default=False, description="Abort their builds.")


def _whole_minutes(interval: timedelta) -> timedelta:
    if interval % timedelta(minutes=1):
        raise ValueError("Jenkins counts in whole minutes")
    return interval


class Multibranch(Job):
    """A job for each branch and pull request of a repository that has a Jenkinsfile."""

    type: Literal["multibranch"] = Field(description="The type.")
    scm: Source = Field(description="The repository.")
    script: Line = Field(default="Jenkinsfile", description="Path of the Jenkinsfile in the repository.")
    checkout: Line | None = Field(
        default=None,
        description="Folder of the repository on this machine, relative to jobs.yaml: the plan reads there what its "
        "Jenkinsfile needs of the server.",
    )
    scan: Annotated[Timeout, AfterValidator(_whole_minutes)] | None = Field(
        default=timedelta(days=1),
        description="Look for new branches when nothing was heard for so long; empty: never, web hooks do it.",
    )
    orphans: Orphans = Field(
        default_factory=Orphans.model_construct, description="What becomes of jobs of branches that are gone."
    )


def _identity(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


class Bound(Section):
    """A credential of the Jenkins server, by its id."""

    id: Line = Field(description="Its id, in the store of the folder.")


class Release(Job):
    """A ready-made inline job on production: `promote` a version, `rollback` to one, or `monitor` it by a schedule.

    It belongs into the folder that alone holds the credentials of production. Its text comes from jenkins-ml and not
    from the model's repository, so that who may push to that repository does not choose what runs with them; for the
    same reason the agent has jenkins-ml on its PATH, and nothing of the repository is executed.
    """

    type: Literal["promote", "rollback", "monitor"] = Field(description="The type.")
    schedule: Schedule | None = Field(
        default=None,
        description='When a `monitor` looks, in Jenkins\' cron syntax; default "H/10 * * * *". Other types have none.',
    )
    scm: GitSource = Field(description="The model's repository: jenkins-ml.yaml is read from it.")
    directory: Annotated[str, Field(pattern=patterns.IN_REPOSITORY)] = Field(
        default=".", description="Folder of jenkins-ml.yaml in the repository."
    )
    environment: Annotated[str, Field(pattern=patterns.NAME)] = Field(
        default="production", description="The environment that it acts on."
    )
    agent: Agent = Field(default_factory=Agent.model_construct, description="Where it runs.")
    store: Annotated[str, Field(pattern=patterns.ABSOLUTE)] | None = Field(
        default=None, description="Folder of the model store on the agent; default what the agent has set."
    )
    variables: dict[Variable, Carried] = Field(default_factory=dict, description="More environment variables.")
    credentials: dict[Variable, Annotated[Bound, BeforeValidator(_identity, json_schema_input_type=Line | Bound)]] = (
        Field(default_factory=dict, description="Environment variable: id of a credential of the folder.")
    )
    approval: Approval | None = Field(default=None, description="Somebody must agree first; default whoever may build.")
    timeout: Timeout = Field(default=timedelta(hours=4), description="The build is aborted after this long.")
    discard: Retention | None = Field(default=None, description="Which old builds are removed; default none.")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        names = [(name, "variables", ("variables", name)) for name in self.variables]
        names += [(name, "credentials", ("credentials", name)) for name in self.credentials]
        problems: list[tuple[Path_, str]] = list(alike(names))
        if ".." in self.directory.split("/"):
            problems.append((("directory",), "it lies within the repository"))
        if self.type != "promote" and self.approval is not None:
            problems.append((("approval",), f"a {self.type} waits for nobody: take `approval` out"))
        if self.type != "monitor" and self.schedule is not None:
            problems.append((("schedule",), f"a {self.type} is started by people: take `schedule` out"))
        if problems:
            refuse(problems)
        return self


AnyItem = Folder | Pipeline | Multibranch | Release
TYPES: dict[str, type[Folder] | type[Pipeline] | type[Multibranch] | type[Release]] = {
    "folder": Folder,
    "pipeline": Pipeline,
    "multibranch": Multibranch,
    "promote": Release,
    "rollback": Release,
    "monitor": Release,
}


class JobsFile(Section):
    """The whole file, before defaults and templates are put into its jobs."""

    owner: Owner = Field(
        description="Who manages these jobs: the repository of this file, say. Only jobs that carry this name are "
        "changed or removed."
    )
    folder: Name | None = Field(default=None, description="Folder that all names stand under; default the top.")
    defaults: dict[str, Any] = Field(
        default_factory=dict, description="What jobs have that do not say otherwise, where their type knows the key."
    )
    templates: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Name: what jobs have that name it in `template`."
    )
    jobs: Annotated[tuple[dict[str, Any], ...], Field(strict=False)] = Field(description="Folders and jobs.")
    ignore: Annotated[tuple[Line, ...], Field(strict=False)] = Field(
        default=(),
        description="Elements of a job's config.xml that are not looked at and stay as they are: what a plugin adds to "
        "every job, say.",
    )
