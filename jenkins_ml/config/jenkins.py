"""The shape of the `jenkins` section: what a Jenkins server and its agents need to know.

Whatever ends up in a Jenkinsfile as a name is checked here; whatever ends up there as text is any text.
"""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from jenkins_ml.config import cron, patterns
from jenkins_ml.config.section import OneOf, Path_, Section, Timeout, expected, refuse
from jenkins_ml.config.variables import ParameterName, Variable, alike

StageName = Literal["test", "train", "gate", "serve"]
Result = Literal["failure", "unstable", "success"]
Event = Literal["failure", "rejection", "rollback", "recovery"]

MOST_CELLS = 256

Text = Annotated[str, Field(min_length=1)]
Listed = Annotated[str, Field(pattern=patterns.LISTED)]
TrainingKey = Annotated[str, Field(pattern=patterns.VARIABLE)]
Times = Annotated[int, Field(ge=1, le=10)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Scalar = Annotated[
    bool | int | Annotated[float, Field(allow_inf_nan=False)] | str, OneOf("text, a number, true or false")
]


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("no environment variable can carry a NUL")
    return text


Carried = Annotated[str, AfterValidator(_no_nul)]
Schedule = Annotated[str, AfterValidator(cron.checked)]


def _address(text: str) -> str:
    if re.search(r"://[^/\s]*:[^/\s]*@|^https?://[^/\s]*@", text):
        raise ValueError("a password or token here would be in the Jenkinsfile for all to read: let the agent have it")
    return text


Address = Annotated[Text, AfterValidator(_address)]


class Docker(Section):
    """A container on an agent that has Docker; needs the plugin docker-workflow."""

    image: Text = Field(description="The image; it has jenkins-ml, or `jenkins.install` brings it.")
    label: Text | None = Field(default=None, description="Label of the agents that have Docker; default any.")
    args: Text | None = Field(
        default=None, description='More arguments for docker run, such as "-v /srv/models:/srv/models --gpus all".'
    )


class Kubernetes(Section):
    """A pod of its own for each use; needs the plugin kubernetes."""

    image: Text = Field(description="Image of the container that the stages run in.")
    cpu: Annotated[str, Field(pattern=patterns.CPU)] | None = Field(
        default=None, description='CPUs that are requested, such as "2" or "500m".'
    )
    memory: Annotated[str, Field(pattern=patterns.MEMORY)] | None = Field(
        default=None, description='Memory, requested and the limit, such as "8Gi".'
    )
    gpu: Annotated[int, Field(ge=0, le=64)] = Field(default=0, description="GPUs, requested and the limit.")
    gpu_resource: Annotated[str, Field(pattern=patterns.RESOURCE)] = Field(
        default="nvidia.com/gpu", description="What the cluster calls a GPU."
    )
    service_account: Annotated[str, Field(pattern=patterns.OBJECT)] | None = Field(
        default=None, description="Account that the pod runs as; default the namespace's."
    )
    node_selector: dict[
        Annotated[str, Field(pattern=patterns.LABEL)], Annotated[str, Field(pattern=patterns.LABEL_VALUE)]
    ] = Field(default_factory=dict, description="Labels that the node must have, and their values.")
    volumes: dict[Annotated[str, Field(pattern=patterns.MOUNT)], Annotated[str, Field(pattern=patterns.OBJECT)]] = (
        Field(
            default_factory=dict,
            description="Folder in the container: name of a persistent volume claim. The model store lies on one.",
        )
    )
    cloud: Text | None = Field(default=None, description="Which of the server's clouds; default the first.")


class Agent(Section):
    """Where stages run: one of these, or any agent."""

    label: Text | None = Field(
        default=None, description="Label of the agent, or an expression of labels; default any agent."
    )
    node: Text | None = Field(
        default=None,
        description="Name of one agent. `serve.target: local` needs it for `serve`: the server lives on that machine.",
    )
    docker: Docker | None = Field(default=None, description="A container on an agent that has Docker.")
    kubernetes: Kubernetes | None = Field(default=None, description="A pod.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ("label", "node", "docker", "kubernetes") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of {', '.join(given)}")
        return self


class Library(Section):
    """The shared library, for `style: library`."""

    name: Annotated[str, Field(pattern=patterns.LIBRARY)] = Field(
        default="jenkins-ml", description="What the server calls it."
    )
    version: Annotated[str, Field(pattern=patterns.REVISION)] | None = Field(
        default=None, description="Tag, branch or commit; default the tag of the version that generates."
    )


class Install(Section):
    """How agents get jenkins-ml. Without it, it is on their PATH."""

    wheel: Address | None = Field(default=None, description="Address or path of a wheel; needs `sha256`.")
    sha256: Annotated[str, Field(pattern=patterns.SHA256)] | None = Field(
        default=None, description="The wheel's SHA-256."
    )
    git: Address | None = Field(
        default=None, description="Address of a git repository that has jenkins-ml; needs `tag`."
    )
    tag: Annotated[str, Field(pattern=patterns.REVISION)] | None = Field(
        default=None, description="Tag or commit in that repository."
    )
    requirements: Text | None = Field(
        default=None,
        description="A pip requirements file with hashes, relative to jenkins-ml.yaml: everything else the stages need.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.wheel is None) == (self.git is None):
            raise ValueError("give either `wheel` or `git`")
        if self.wheel is not None and self.sha256 is None:
            raise ValueError("`wheel` needs `sha256`: what is installed must be what was meant")
        if self.git is not None and self.tag is None:
            raise ValueError("`git` needs `tag`")
        if self.wheel is None and self.sha256 is not None:
            raise ValueError("`sha256` belongs to `wheel`")
        if self.git is None and self.tag is not None:
            raise ValueError("`tag` belongs to `git`")
        return self


class Discard(Section):
    """Which old builds Jenkins removes."""

    builds: Count | None = Field(default=None, description="Keep this many builds.")
    days: Count | None = Field(default=None, description="Keep builds for this many days.")
    artifact_builds: Count | None = Field(default=None, description="Keep the artefacts of this many builds.")
    artifact_days: Count | None = Field(default=None, description="Keep artefacts for this many days.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any(value is not None for value in (self.builds, self.days, self.artifact_builds, self.artifact_days)):
            raise ValueError("give at least one of `builds`, `days`, `artifact_builds`, `artifact_days`")
        return self


class Options(Section):
    """How builds of the job behave."""

    discard: Discard | None = Field(default=None, description="Which old builds are removed; default none.")
    timestamps: bool = Field(
        default=False, description="Time before each line of the log; needs the plugin timestamper."
    )
    abort_previous: bool = Field(
        default=True,
        description="A new push aborts the build of the one before, except on the release branch, whose builds queue.",
    )
    skip_after_unstable: bool = Field(default=False, description="Stages after an unstable one are left out.")


class GitLabTrigger(Section):
    """What GitLab's webhook starts; needs the plugin gitlab-plugin."""

    push: bool = Field(default=True, description="Pushes.")
    merge_requests: bool = Field(default=True, description="Merge requests that are opened or changed.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.push and not self.merge_requests:
            raise ValueError("one of `push` and `merge_requests` has to be true, or nothing starts a build")
        return self


class Trigger(Section):
    """What starts a build: one of these. A multibranch job is told of pushes by its own webhook or scan."""

    cron: Schedule | None = Field(
        default=None, description='When, in Jenkins\' cron syntax ("H 3 * * *"); on the release branch only.'
    )
    poll: Schedule | None = Field(default=None, description="When git is asked for changes, in Jenkins' cron syntax.")
    github: Literal["push"] | None = Field(
        default=None, description="GitHub's webhook for pushes; needs the plugin github."
    )
    gitlab: GitLabTrigger | None = Field(default=None, description="GitLab's webhook.")

    @property
    def kind(self) -> str:
        """Which of them it is."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one(self) -> Self:
        kinds = type(self).model_fields
        if sum(getattr(self, name) is not None for name in kinds) != 1:
            raise ValueError(f"give exactly one of {', '.join(f'`{name}`' for name in kinds)}")
        return self


class BuildParameter(Section):
    """One build parameter: of which kind, and what it is when nobody chooses."""

    string: ParameterName | None = Field(default=None, description="Name of a one-line text.")
    text: ParameterName | None = Field(default=None, description="Name of a text of several lines.")
    boolean: ParameterName | None = Field(default=None, description="Name of a check box: true or false.")
    choice: ParameterName | None = Field(default=None, description="Name of a choice; the first is the default.")
    choices: tuple[Carried, ...] = Field(default=(), strict=False, description="What a choice offers.")
    default: Annotated[bool | Carried, OneOf("text, true or false")] | None = Field(
        default=None, description="What it is when nobody chooses; default empty, or false."
    )
    description: str = Field(default="", description="Shown beside the field.")

    @property
    def name(self) -> str:
        """Its name."""
        return str(getattr(self, self.kind))

    @property
    def kind(self) -> str:
        """The key that its name stands behind."""
        return next(kind for kind in ("string", "text", "boolean", "choice") if getattr(self, kind) is not None)

    @property
    def initial(self) -> str:
        """What the environment variable is when nobody chooses."""
        if self.choice is not None:
            return self.choices[0]
        if self.boolean is not None:
            return "true" if self.default else "false"
        return str(self.default or "")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if sum(value is not None for value in (self.string, self.text, self.boolean, self.choice)) != 1:
            raise ValueError("give exactly one of `string`, `text`, `boolean`, `choice`: its value is the name")
        if (self.choice is not None) != bool(self.choices):
            raise ValueError("`choice` and `choices` need each other")
        if self.choice is not None and self.default is not None:
            raise ValueError("the default of a choice is its first: put it there")
        if any("\n" in choice or "\r" in choice for choice in self.choices):
            raise ValueError("a choice is one line")
        if self.default is not None and (self.boolean is not None) != isinstance(self.default, bool):
            raise ValueError("`default` of a boolean is true or false, of the others a text: quote it")
        if self.string is not None and isinstance(self.default, str) and re.search(r"[\r\n]", self.default):
            raise ValueError("`string` is one line: use `text`")
        return self


class Parameter(BuildParameter):
    """One build parameter. It reaches the stages as an environment variable of its name, never as code."""

    sets: TrainingKey | None = Field(
        default=None, description="Key of train.params that it sets; the text is read as that key's type."
    )


class Credential(Section):
    """A credential of the Jenkins server, by its id; what it holds is masked in the log."""

    id: Text = Field(description="Its id on the server.")
    stages: tuple[StageName, ...] = Field(
        default=(), strict=False, min_length=1, description="The stages that see it; default all. The fewer the better."
    )


class Matrix(Section):
    """The same training and gate for several parameters, side by side. All must be approved; the first is released."""

    axes: dict[TrainingKey, Annotated[tuple[Scalar, ...], Field(strict=False)]] = Field(
        min_length=1,
        description="Key of train.params: the values it takes. The first of each together is what may be released.",
    )
    exclude: tuple[dict[TrainingKey, Scalar], ...] = Field(
        default=(), strict=False, description="Combinations of values that are left out."
    )
    fail_fast: bool = Field(default=False, description="The first that fails ends the others.")

    @property
    def axis_texts(self) -> dict[str, list[str]]:
        """The axes with their values as the texts that the environment carries."""
        return {name: [axis_text(value) for value in values] for name, values in self.axes.items()}

    @property
    def excluded_texts(self) -> list[dict[str, str]]:
        """The combinations that are left out, as texts: so Jenkins compares them."""
        return [{name: axis_text(value) for name, value in cell.items()} for cell in self.exclude]

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if problems := [*self._axis_problems(), *self._exclude_problems()]:
            refuse(problems)
        return self

    def _axis_problems(self) -> Iterator[tuple[Path_, str]]:
        for name, texts in self.axis_texts.items():
            if not texts or len(set(texts)) != len(texts):
                yield ("axes", name), "an axis needs values, and values that differ"
            if "" in texts:
                yield ("axes", name, texts.index("")), "Jenkins takes an empty value for none: leave it out"
            # They stand in the cell's run, "job-7,seed=1,data=x": each "=" ends an axis' name there, each "%" is an escape.
            for index, text in enumerate(texts):
                if re.search(r"[=%\x00-\x1f\x7f]", text):
                    yield ("axes", name, index), "names a run: no '=', '%' or control character can be in it"
        if math.prod(map(len, self.axes.values())) > MOST_CELLS:
            yield ("axes",), f"these are more than {MOST_CELLS} combinations"
        yield from alike((name, "axes", ("axes", name)) for name in self.axes)

    def _exclude_problems(self) -> Iterator[tuple[Path_, str]]:
        texts = self.axis_texts
        for index, cell in enumerate(self.excluded_texts):
            unknown = [name for name, value in cell.items() if value not in texts.get(name, ())]
            for name in unknown:
                message = "the axis has no such value" if name in texts else f"axes are {', '.join(texts)}"
                yield ("exclude", index, name), message
            if not unknown and all(value == texts[name][0] for name, value in cell.items()):
                yield (
                    ("exclude", index),
                    "the first value of each axis together is what is released: it cannot be excluded",
                )


class Results(Section):
    """What an exit code of a stage makes of the build. Whatever it is, only an approved version is released."""

    rejected: Result = Field(default="failure", description="The gate rejected the model (exit code 3).")
    inconclusive: Result = Field(default="failure", description="The gate could not decide (exit code 4).")
    rolled_back: Result = Field(default="failure", description="The release was rolled back (exit code 5).")


class Approval(Section):
    """Somebody has to agree before the release; no agent is held while they think."""

    message: Text = Field(default="Release this version?", description="What is asked.")
    submitters: tuple[Listed, ...] = Field(
        default=(),
        strict=False,
        min_length=1,
        description="Users and groups of Jenkins who may; default whoever may build.",
    )
    timeout: Timeout = Field(default=timedelta(days=1), description="Nobody answers for so long: the build is aborted.")


class Mail(Section):
    """By the server's own mail settings; needs the plugin mailer."""

    to: tuple[Listed, ...] = Field(strict=False, min_length=1, description="Addresses.")


class Slack(Section):
    """By the server's own Slack settings; needs the plugin slack."""

    channel: Text = Field(description='Channel, such as "#ml".')


class Notify(Section):
    """Who is told, and of what."""

    mail: Mail | None = Field(default=None, description="By mail.")
    slack: Slack | None = Field(default=None, description="In a chat.")
    on: tuple[Event, ...] = Field(
        default=("failure", "rejection", "rollback", "recovery"),
        strict=False,
        min_length=1,
        description="rejection: the gate rejected or could not decide; recovery: the first good build after a bad one.",
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.mail is None and self.slack is None:
            raise ValueError("give `mail` or `slack`, or both")
        return self


class Forge(Section):
    """Where commits and pull requests get their status and summary: `jenkins-ml publish`."""

    kind: Literal["github", "gitlab"] = Field(description="Which API it speaks.")
    credentials: Text = Field(description="Id of a secret text: a token that may set statuses and write comments.")
    api: Annotated[str, Field(pattern=patterns.WEB_ADDRESS)] | None = Field(
        default=None,
        description="Address of the API; default https://api.github.com or https://gitlab.com/api/v4.",
    )
    repository: Annotated[str, Field(pattern=patterns.REPOSITORY)] | None = Field(
        default=None,
        description='Path of the repository, such as "acme/digits"; default from the remote of the checkout.',
    )


def _credential(value: object) -> object:
    if isinstance(value, str):
        return {"id": value}
    if not isinstance(value, dict):
        raise expected("the id of a credential, or a section with `id`")
    return value


class Jenkins(Section):
    """What the generated Jenkinsfile needs to know."""

    style: Literal["standalone", "library"] = Field(
        default="standalone",
        description="standalone: everything in the Jenkinsfile. library: the steps of the shared library, one version for all.",
    )
    library: Library = Field(
        default_factory=Library.model_construct, description="Which library, for `style: library`."
    )
    install: Install | None = Field(default=None, description="How agents get jenkins-ml; default it is on their PATH.")
    multibranch: bool = Field(
        default=True,
        description="The job is a multibranch job, which sets BRANCH_NAME. false: a job of the release branch alone.",
    )
    agent: Agent = Field(default_factory=Agent.model_construct, description="Where the stages run.")
    agents: dict[StageName, Agent] = Field(
        default_factory=dict, description="Where single stages run instead; each stage then takes an agent of its own."
    )
    timeout: Timeout = Field(
        default=timedelta(hours=2),
        description="The build is aborted after this long, so that one that hangs frees its agent; raise it for a "
        "longer training. Waiting for an approval comes on top.",
    )
    options: Options = Field(default_factory=Options.model_construct, description="How builds behave.")
    triggers: tuple[Trigger, ...] = Field(default=(), strict=False, description="What starts a build.")
    parameters: tuple[Parameter, ...] = Field(default=(), strict=False, description="Build parameters.")
    environment: dict[Variable, Carried] = Field(
        default_factory=dict, description="Environment variables of all stages."
    )
    credentials: dict[
        Variable, Annotated[Credential, BeforeValidator(_credential, json_schema_input_type=Text | Credential)]
    ] = Field(
        default_factory=dict,
        description="Environment variable: id of a credential. Of a user with password, NAME_USR and NAME_PSW hold the parts; "
        "of a file, NAME is its path.",
    )
    retry_lost_agent: Times | None = Field(
        default=None,
        description="How often a stage that can be repeated is tried again when its agent is lost. Training is not repeated.",
    )
    test_beside_train: bool = Field(
        default=False, description="Tests and training run side by side; the first that fails ends the other."
    )
    matrix: Matrix | None = Field(default=None, description="Several trainings, such as seeds or data sets.")
    results: Results = Field(default_factory=Results.model_construct, description="What exit codes make of a build.")
    approval: Approval | None = Field(default=None, description="Somebody must agree to a release; default nobody.")
    notify: Notify | None = Field(default=None, description="Who is told of failures; default nobody.")
    forge: Forge | None = Field(
        default=None, description="GitHub or GitLab, for the status and the summary of a commit."
    )
    rollback_job: bool = Field(default=False, description="Also write Jenkinsfile.rollback: the job that rolls back.")

    def agent_of(self, stage: StageName) -> Agent:
        """Where a stage runs."""
        return self.agents.get(stage, self.agent)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        problems = [*self._name_problems(), *self._trigger_problems()]
        if self.matrix is not None and self.test_beside_train:
            problems.append((("test_beside_train",), "a matrix and this exclude each other"))
        if problems:
            refuse(problems)
        return self

    def _name_problems(self) -> Iterator[tuple[Path_, str]]:
        names: list[tuple[str, str, Path_]] = [
            (parameter.name, "parameters", ("parameters", index, parameter.kind))
            for index, parameter in enumerate(self.parameters)
        ]
        names += [(name, "environment", ("environment", name)) for name in self.environment]
        names += [(name, "credentials", ("credentials", name)) for name in self.credentials]
        return alike(names)

    def _trigger_problems(self) -> Iterator[tuple[Path_, str]]:
        kinds = [trigger.kind for trigger in self.triggers]
        for index, kind in enumerate(kinds):
            if kind in kinds[:index]:
                yield ("triggers", index), f"a second {kind}: each kind once, and a schedule may have several lines"


def axis_text(value: Scalar) -> str:
    """A value of an axis as the text that the environment carries."""
    return str(value).lower() if isinstance(value, bool) else str(value)
