"""The declarative Jenkinsfile of a pipeline; its shape is templates/Jenkinsfile.j2."""

from __future__ import annotations

import math
import shlex
from datetime import timedelta
from typing import Final

from jenkins_ml import __version__
from jenkins_ml.config.loader import digest_of
from jenkins_ml.config.model import Config
from jenkins_ml.names import REPORTS_DIR
from jenkins_ml.pipeline import Pipeline, Stage
from jenkins_ml.rendering.groovy import Code, literal
from jenkins_ml.resources import folder

FILE: Final = "Jenkinsfile"
_MARK: Final = "// Made by jenkins-ml "
_MOST: Final = 2**31 - 1  # Jenkins takes the time as an int


def made_by_us(text: str) -> bool:
    """Whether a Jenkinsfile was rendered here, in any version."""
    return text.startswith(_MARK)


def render(config: Config, pipeline: Pipeline) -> str:
    """The Jenkinsfile that runs `pipeline` as the runner does on this machine.

    Equal arguments give equal text. Shell commands are constants: whatever varies reaches them by the environment.
    """
    import jinja2

    environment = jinja2.Environment(  # noqa: S701 - Groovy, not HTML: `finalize` makes every value a literal
        loader=jinja2.FileSystemLoader(folder("templates")),
        finalize=literal,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"code": Code, "jenkins_timeout": _timeout, "shell": _shell}
    return environment.get_template("Jenkinsfile.j2").render(
        header=Code(f"{_MARK}{__version__} from the configuration with SHA-256\n// {digest_of(config)}"),
        pipeline=pipeline,
        agent_label=config.jenkins.agent.label,
        release_branch=config.serve.release_branch,
        timeout=config.jenkins.timeout,
        reports=REPORTS_DIR,
    )


def _shell(stage: Stage) -> str:
    return shlex.join(("jenkins-ml", *stage.command))


def _timeout(duration: timedelta) -> Code:
    """The arguments of Jenkins' `timeout` step: whole units, rounded up."""
    for unit, length in (("HOURS", timedelta(hours=1)), ("MINUTES", timedelta(minutes=1))):
        if duration % length == timedelta(0):
            return Code(f"time: {duration // length}, unit: '{unit}'")
    return Code(f"time: {min(math.ceil(duration / timedelta(seconds=1)), _MOST)}, unit: 'SECONDS'")
