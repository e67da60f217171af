"""The declarative Jenkinsfile of a pipeline; its shape is templates/Jenkinsfile.j2."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from jenkins_ml import __version__
from jenkins_ml.config.jenkins import Discard, Event, Install, Jenkins, Parameter, Results, StageName
from jenkins_ml.config.loader import digest_of
from jenkins_ml.config.model import Config
from jenkins_ml.names import FAILURE_FILE, INSTALL_SCRIPT, REPORTS_DIR
from jenkins_ml.pipeline import Pipeline, Stage
from jenkins_ml.rendering import limits, plugins
from jenkins_ml.rendering.groovy import Code, arguments
from jenkins_ml.rendering.template import RUN, environment, formatted
from jenkins_ml.resources import folder

FILE: Final = "Jenkinsfile"
ROLLBACK_FILE: Final = "Jenkinsfile.rollback"
_MARK: Final = "// Made by jenkins-ml "
_OUTCOMES: Final[Mapping[Event, Sequence[str]]] = {
    "failure": ("failed",),
    "rejection": ("rejected", "inconclusive"),
    "rollback": ("rolled_back",),
    "recovery": ("recovered",),
}


def made_by_us(text: str) -> bool:
    """Whether a Jenkinsfile was rendered here, in any version."""
    return text.startswith(_MARK)


def render(config: Config, pipeline: Pipeline, prefix: str = "") -> dict[str, str]:
    """The files that make Jenkins run `pipeline` as the runner does on this machine.

    Equal arguments give equal text. Shell commands are constants: whatever varies reaches them by the environment.

    Args:
        config: of the model.
        pipeline: what it asks for.
        prefix: folder of jenkins-ml.yaml below the root of its git repository; "" for the root.

    Returns:
        relative file name -> text.

    Raises:
        UsageError: no server could load it.
    """
    limits.check(config)
    jenkins = config.jenkins
    templates = _environment(config, prefix)
    context = _context(config, pipeline, prefix)

    def rendered(name: str, used: Iterable[str]) -> str:
        template = templates.get_template(f"{name}.j2")
        return formatted(template.render(header=_header(config, used), **context))

    files = {FILE: rendered(FILE, plugins.used(config))}
    if jenkins.rollback_job:
        files[ROLLBACK_FILE] = rendered(ROLLBACK_FILE, plugins.used_by_rollback(config))
    if jenkins.install is not None and jenkins.style == "standalone":
        files[INSTALL_SCRIPT] = (folder("resources") / "jenkins_ml" / "install.sh").read_text(encoding="utf-8")
    return files


def _header(config: Config, used: Iterable[str]) -> Code:
    lines = [
        f"{_MARK}{__version__} from the configuration with SHA-256",
        f"// {digest_of(config)}",
        "// Change jenkins-ml.yaml and run `jenkins-ml generate`: what is edited here stays, and is merged.",
        f"// Plugins: {', '.join(used)}",
    ]
    if config.jenkins.install is None:
        lines.append("// The agents have jenkins-ml on their PATH.")
    return Code("\n".join(lines))


def _environment(config: Config, prefix: str) -> Any:
    installed = config.jenkins.install is not None
    return environment(
        shell=functools.partial(_shell, installed=installed),
        log_rotator=_log_rotator,
        definition=_definition,
        library_call=functools.partial(_library_call, config.jenkins, prefix),
    )


def _context(config: Config, pipeline: Pipeline, prefix: str) -> dict[str, object]:
    jenkins = config.jenkins
    axes = jenkins.matrix.axis_texts if jenkins.matrix else {}
    return {
        "pipeline": pipeline,
        "jenkins": jenkins,
        "prefix": prefix,
        "library": _library(jenkins),
        "own_agents": _own_agents(jenkins),
        "timeout": jenkins.timeout,
        "waiting": jenkins.approval.timeout if jenkins.approval else timedelta(0),
        "release_branch": config.serve.release_branch,
        "run": RUN,
        "install": _install(jenkins.install),
        "credentials": _credentials(jenkins),
        "reports": REPORTS_DIR,
        "failure_file": FAILURE_FILE,
        "test_results": {"test": f"{REPORTS_DIR}/*/tests/*.xml", "gate": f"{REPORTS_DIR}/*/junit.xml"},
        "exit_codes_matter": jenkins.results != Results() or jenkins.notify is not None,
        "results": jenkins.results.model_dump(),
        "events": _events(jenkins),
        "notify_arguments": _notify_arguments(jenkins),
        "order": _order(pipeline, jenkins),
        "axes": axes,
        "excludes": jenkins.matrix.excluded_texts if jenkins.matrix else [],
        "cell_run": _cell_run(axes),
    }


@dataclass(frozen=True)
class _Order:
    """The stages as Jenkins shall show them: alone, side by side, for each cell of the matrix, and alone again."""

    first: Sequence[Stage]
    side_by_side: Sequence[Stage]
    each_cell: Sequence[Stage]
    last: Sequence[Stage]


def _order(pipeline: Pipeline, jenkins: Jenkins) -> _Order:
    tests = [stage for stage in pipeline.stages if not stage.each_cell and not stage.release_only]
    model = [stage for stage in pipeline.stages if stage.each_cell]
    release = [stage for stage in pipeline.stages if stage.release_only]
    if jenkins.matrix is not None:
        return _Order(tests, (), model, release)
    if jenkins.test_beside_train and tests:
        return _Order((), [*tests, model[0]], (), [*model[1:], *release])
    return _Order([*tests, *model], (), (), release)


def _own_agents(jenkins: Jenkins) -> bool:
    """Whether each stage takes an agent of its own: where they differ, where waiting holds none, where one may be lost."""
    return bool(
        jenkins.agents
        or jenkins.approval is not None
        or jenkins.matrix is not None
        or jenkins.test_beside_train
        or jenkins.retry_lost_agent is not None
    )


def _library(jenkins: Jenkins) -> str | None:
    if jenkins.style == "standalone":
        return None
    return f"{jenkins.library.name}@{jenkins.library.version or f'v{__version__}'}"


def _install(install: Install | None) -> dict[str, str]:
    """What resources/jenkins_ml/install.sh reads."""
    if install is None:
        return {}
    given = {
        "WHEEL": install.wheel,
        "SHA256": install.sha256,
        "GIT": install.git,
        "TAG": install.tag,
        "REQUIREMENTS": install.requirements,
    }
    return {f"JENKINS_ML_INSTALL_{name}": value for name, value in given.items() if value is not None}


def _credentials(jenkins: Jenkins) -> dict[str, list[tuple[str, str]]]:
    """Stage -> the variables and ids of its credentials; "" for those of all stages."""
    of_stage: dict[str, list[tuple[str, str]]] = {}
    for name, credential in sorted(jenkins.credentials.items()):
        for stage in credential.stages or ("",):
            of_stage.setdefault(stage, []).append((name, credential.id))
    return of_stage


def _events(jenkins: Jenkins) -> list[str]:
    if jenkins.notify is None:
        return []
    return [outcome for event in jenkins.notify.on for outcome in _OUTCOMES[event]]


def _notify_arguments(jenkins: Jenkins) -> Code:
    if jenkins.notify is None:
        return Code("")
    given: dict[str, object] = {"events": _events(jenkins)}
    if jenkins.notify.mail is not None:
        given["mail"] = ",".join(jenkins.notify.mail.to)
    if jenkins.notify.slack is not None:
        given["slack"] = jenkins.notify.slack.channel
    return arguments(given)


def _library_call(jenkins: Jenkins, prefix: str, stage: StageName | str) -> Code:
    """The call of a stage's step in vars/, with what differs from its defaults."""
    given: dict[str, object] = {}
    if prefix:
        given["directory"] = prefix
    if jenkins.install is not None:
        given["install"] = True
    if stage != "rollback" and jenkins.results != Results():
        given["results"] = jenkins.results.model_dump()
    if stage in ("test", "train", "gate") and jenkins.forge is not None:
        given["publishCredentials"] = jenkins.forge.credentials
    return Code(f"ml{stage.title()}({arguments(given)})")


def _cell_run(axes: Iterable[str]) -> Code:
    """The run of a cell: what `Cell.suffix` adds, said in Groovy."""
    parts = "".join(f" + ',{name}=' + \"${{env.JENKINS_ML_PARAM_{name}}}\"" for name in axes)
    return Code(RUN + parts)


def _shell(words: Sequence[str], installed: bool) -> str:
    return shlex.join((".jenkins-ml/bin/jenkins-ml" if installed else "jenkins-ml", *words))


def _log_rotator(discard: Discard) -> Code:
    given = {
        "daysToKeepStr": discard.days,
        "numToKeepStr": discard.builds,
        "artifactDaysToKeepStr": discard.artifact_days,
        "artifactNumToKeepStr": discard.artifact_builds,
    }
    return arguments({name: str(value) for name, value in given.items() if value is not None})


def _definition(parameter: Parameter) -> Code:
    """A build parameter as Jenkins declares it."""
    given: dict[str, object] = {"name": parameter.name}
    if parameter.choice is not None:
        given["choices"] = list(parameter.choices)
    else:
        given["defaultValue"] = bool(parameter.default) if parameter.boolean is not None else parameter.initial
    if parameter.description:
        given["description"] = parameter.description
    kinds = {
        "string": parameter.string,
        "text": parameter.text,
        "booleanParam": parameter.boolean,
        "choice": parameter.choice,
    }
    kind = next(kind for kind, name in kinds.items() if name is not None)
    return Code(f"{kind}({arguments(given)})")
