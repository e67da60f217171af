"""The text of the ready-made jobs that act on production, and their parameters."""

from __future__ import annotations

import functools
import shlex
from typing import Any, Final

from jenkins_ml import __version__
from jenkins_ml.config.jenkins import BuildParameter
from jenkins_ml.config.jobs import GitSource, Release
from jenkins_ml.rendering.git import branch_spec
from jenkins_ml.rendering.groovy import Code, arguments
from jenkins_ml.rendering.template import RUN, environment, formatted

_PARAMETERS: Final = {
    "promote": (BuildParameter(string="VERSION", description="The version to release."),),
    "rollback": (
        BuildParameter(string="VERSION", description="The version to go back to. Empty: the one before."),
        BuildParameter(string="REASON", default="asked for in Jenkins", description="Kept in the journal."),
    ),
    "monitor": (),
}
_INPUTS: Final = {
    "promote": {"JENKINS_ML_PROMOTE_VERSION": "VERSION"},
    "rollback": {"JENKINS_ML_ROLLBACK_TO": "VERSION", "JENKINS_ML_ROLLBACK_REASON": "REASON"},
    "monitor": {},
}
_TITLES: Final = {"promote": "Promote", "rollback": "Roll back", "monitor": "Monitor"}
_USUAL: Final = "H/10 * * * *"  # often enough to tell of drift the same hour, and a look takes seconds


def release_parameters(item: Release) -> tuple[BuildParameter, ...]:
    """What whoever starts the job is asked. They stand in the job itself, so that its first build knows them."""
    return _PARAMETERS[item.type]


def release_schedule(item: Release) -> str | None:
    """When it starts by itself, in Jenkins' cron syntax; None for what people start."""
    return (item.schedule or _USUAL) if item.type == "monitor" else None


def release_script(item: Release) -> str:
    """The pipeline of the job; equal items give equal text."""
    return formatted(
        _templates()
        .get_template("Jenkinsfile.release.j2")
        .render(
            header=Code(
                f"// Made by jenkins-ml {__version__} from jobs.yaml: change it there.\n"
                "// The agent has jenkins-ml on its PATH: nothing of the repository is executed here."
            ),
            item=item,
            title=_TITLES[item.type],
            run=RUN,
            inputs={name: Code(f'"${{params.{parameter}}}"') for name, parameter in _INPUTS[item.type].items()},
            checkout=_checkout(item.scm),
            command=shlex.join(("jenkins-ml", item.type, "--environment", item.environment)),
        )
    )


@functools.cache
def _templates() -> Any:
    return environment()


def _checkout(source: GitSource) -> Code:
    """The argument of the step `checkout`."""
    remote: dict[str, object] = {"url": source.git}
    if source.credentials is not None:
        remote["credentialsId"] = source.credentials
    given: dict[str, object] = {
        "branches": [{"name": branch_spec(source.branch)}],
        "userRemoteConfigs": [remote],
        "extensions": _extensions(source),
    }
    return Code(f"scmGit({arguments(given)})")


def _extensions(source: GitSource) -> list[object]:
    if source.depth is None:
        return []
    shallow = arguments({"shallow": True, "depth": source.depth, "noTags": False, "reference": ""})
    return [Code(f"cloneOption({shallow})")]
