"""Which names environment variables may have: not those that mean something to Groovy, to Jenkins or to us.

Jenkins keeps variables in a map that ignores case: `path` is PATH to it. Names are compared so here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from jenkins_ml.config.patterns import VARIABLE
from jenkins_ml.config.section import Path_

# `NAME = ...` and `params.NAME` in a Jenkinsfile: the reserved words of Groovy 2.4 (those of Java among them), and the
# objects that Jenkins puts into a script.
_GROOVY: Final = (
    "abstract as assert boolean break byte case catch char class const continue def default do double else enum extends "
    "false final finally float for goto if implements import in instanceof int interface long native new null package "
    "private protected public return short static strictfp super switch synchronized this threadsafe throw throws trait "
    "transient true try void volatile while "
    "currentBuild docker env params pipeline scm"
)
# The Jenkinsfile's approval gives the name of who agreed in APPROVER.
_OURS: Final = r"JENKINS_ML_\w*|APPROVER"
# What Jenkins itself says about a build, and what we believe it: which branch it is, on which agent it runs.
_JENKINS: Final = (
    r"(CHANGE|HUDSON|JENKINS|ROOT_BUILD)_\w+|BRANCH_(NAME|IS_PRIMARY)|TAG_(NAME|TIMESTAMP|UNIXTIME|DATE)|"
    r"BUILD_(NUMBER|ID|DISPLAY_NAME|TAG|URL|CAUSE\w*)|JOB_(NAME|BASE_NAME|URL|DISPLAY_URL)|RUN_\w*DISPLAY_URL|"
    r"NODE_(NAME|LABELS)|EXECUTOR_NUMBER|STAGE_NAME|WORKSPACE|WORKSPACE_TMP|CI|_"
)
# Whoever may start a build chooses the value of a parameter: it must not steer the shell, the loader, Python, git, what
# they call, or where they find keys and servers.
_STEERING: Final = (
    r"(AWS|AZURE|BASH|CONDA|COVERAGE|CUDA|CURL|DOCKER|DYLD|GCONV|GIT|GOOGLE|GRPC|JAVA|JDK|KERAS|KUBERNETES|LC|LD|MALLOC|"
    r"NPM|OPENSSL|PIP|PYTEST|REQUESTS|SSH|SSL|SUDO|TF|UV|XDG|XLA)_\w+|"
    r"PYTHON\w+|PERL5\w+|RUBY(LIB|OPT)|NODE_(OPTIONS|PATH|EXTRA_CA_CERTS)|KUBECONFIG|NETRC|GNUPGHOME|HOSTALIASES|"
    r"GLIBC_TUNABLES|RES_OPTIONS|"
    r"PATH|HOME|SHELL|SHELLOPTS|BASHOPTS|ENV|BASH|IFS|CDPATH|GLOBIGNORE|FPATH|PS\d|PROMPT_COMMAND|OPTARG|OPTIND|POSIXLY_CORRECT|"
    r"PWD|OLDPWD|UID|EUID|PPID|SHLVL|USER|LOGNAME|HOSTNAME|LANG|LANGUAGE|LOCPATH|NLSPATH|TZ|TZDIR|TERM|TERMINFO|"
    r"TMPDIR|TMP|TEMP|EDITOR|VISUAL|PAGER|BROWSER|LESSOPEN|VIRTUAL_ENV|MAKEFLAGS|\w+_PROXY"
)


def _is(name: str, pattern: str) -> bool:
    # Compiled when it is needed: most files have no variables, and every command reads one.
    return re.fullmatch(pattern, name, re.ASCII | re.IGNORECASE) is not None


def _variable(name: str) -> str:
    if name in _GROOVY.split():
        raise ValueError(f"{name!r} has a meaning in a Jenkinsfile: choose another name")
    if _is(name, _OURS):
        raise ValueError(f"{name!r} is jenkins-ml's own, in any case: choose another name")
    if _is(name, _JENKINS):
        raise ValueError(f"Jenkins or the shell sets {name!r} itself, in any case: choose another name")
    return name


def _parameter(name: str) -> str:
    if _is(name, _STEERING):
        raise ValueError(
            f"{name!r} steers what a build runs, and whoever starts a build would set it: choose another name"
        )
    return name


def alike(names: Iterable[tuple[str, str, Path_]]) -> Iterator[tuple[Path_, str]]:
    """Problems of names that are one variable to Jenkins.

    Args:
        names: each with the section that it is in, for people, and its path.
    """
    seen: dict[str, tuple[str, str]] = {}
    for name, section, path in names:
        if name.lower() not in seen:
            seen[name.lower()] = (name, section)
            continue
        earlier, where = seen[name.lower()]
        if name == earlier:
            yield path, f"{name!r} is in `{where}` already"
        else:
            yield path, f"{name!r} and {earlier!r} in `{where}` are one variable to Jenkins, which ignores case"


Variable = Annotated[str, Field(pattern=VARIABLE), AfterValidator(_variable)]
ParameterName = Annotated[Variable, AfterValidator(_parameter)]
