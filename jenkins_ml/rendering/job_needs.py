"""What a job needs of its server: plugins by their ids, and credentials by theirs.

For the job itself that follows from its configuration. For a Jenkinsfile it is read off its text: generated ones name
their plugins in the header, others are searched for steps and options that a plugin brings. What a Jenkinsfile hides
behind a library or a variable is not seen; `needs` in jobs.yaml says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from jenkins_ml.config.jobs import AnyItem, Folder, JobTrigger, Multibranch, Pipeline, Release

_PIPELINE: Final = frozenset({"workflow-job", "workflow-cps"})
_DECLARATIVE: Final = frozenset({"pipeline-model-definition", "workflow-basic-steps", "workflow-durable-task-step"})
_SOURCES: Final = {"git": "git", "github": "github-branch-source", "gitlab": "gitlab-branch-source"}
_TRIGGERS: Final = {"github": "github", "gitlab": "gitlab-plugin", "webhook": "generic-webhook-trigger"}
# A plugin that only brings others: the server need not have it, if it has those.
_TOGETHER: Final[Mapping[str, frozenset[str]]] = {"workflow-aggregator": _PIPELINE | _DECLARATIVE}
# What stands in a Jenkinsfile -> the plugin that knows it.
_SYMBOLS: Final[Mapping[str, str]] = {
    r"\bpipeline\s*\{": "pipeline-model-definition",
    r"\b(withCredentials|credentials)\s*\(": "credentials-binding",
    r"\bdocker(file)?\s*\{": "docker-workflow",
    r"\b(kubernetes\s*\{|podTemplate\s*\()": "kubernetes",
    r"\bjunit\b": "junit",
    r"\btimestamps\s*[({]": "timestamper",
    r"\bansiColor\s*\(": "ansicolor",
    r"\bslackSend\b": "slack",
    r"\bmail\s*[(\s]\s*\w+:": "mailer",
    r"\bemailext\b": "email-ext",
    r"^\s*@Library\b|\blibrary\s*[('\"]": "pipeline-groovy-lib",
    r"\block\s*\(": "lockable-resources",
    r"\bmilestone\b": "pipeline-milestone-step",
    r"\binput\s*[({'\"]": "pipeline-input-step",
    r"\bbuild\s*\(?\s*job:": "pipeline-build-step",
    r"\b(read|write)(JSON|Yaml|CSV|Properties|Manifest)\b|\bfindFiles\b": "pipeline-utility-steps",
    r"\bsshagent\b": "ssh-agent",
    r"\bhttpRequest\b": "http_request",
    r"\bpublishHTML\b": "htmlpublisher",
    r"\b(scmGit|git)\s*[(\s]\s*(url|branch|branches):|\bgit\s+['\"]": "git",
    r"\bgithubPush\s*\(": "github",
    r"\bgitlab\s*\(\s*trigger": "gitlab-plugin",
    r"\bGenericTrigger\s*\(": "generic-webhook-trigger",
}
_HEADER: Final = re.compile(r"^// Plugins: ([a-z0-9_, -]+)$", re.MULTILINE)
_COMMENT: Final = re.compile(r"/\*.*?\*/|(?<![:'\"\\])//[^\n]*", re.DOTALL)
_CREDENTIAL: Final = re.compile(
    r"\bcredentials\s*\(\s*(['\"])(?P<a>[^'\"$\n]+)\1\s*\)"
    r"|\b(?:credentialsId|tokenCredentialId)\s*:\s*(['\"])(?P<b>[^'\"$\n]+)\3"
    r"|\bsshagent\s*\(?\s*(?:credentials\s*:\s*)?\[\s*(['\"])(?P<c>[^'\"$\n]+)\5"
    r"|\bpublishCredentials\s*:\s*(['\"])(?P<d>[^'\"$\n]+)\7"
)


@dataclass(frozen=True)
class NeedsOf:
    """What one job needs."""

    plugins: frozenset[str]
    credentials: frozenset[str]


def needs(item: AnyItem, jenkinsfile: str = "") -> NeedsOf:
    """What a folder or job needs of the server.

    Args:
        item: as jobs.yaml has it.
        jenkinsfile: the text of its Jenkinsfile, where that is at hand.
    """
    said = None if isinstance(item, Folder) else item.needs
    plugins = {*_plugins(item), *(said.plugins if said else ())}
    credentials = {*_credentials(item), *(said.credentials if said else ())}
    if jenkinsfile:
        plugins.update(plugins_in(jenkinsfile))
        credentials.update(credentials_in(jenkinsfile))
    if "/" in item.name:
        plugins.add("cloudbees-folder")
    whole = {part for plugin in plugins for part in _TOGETHER.get(plugin, {plugin})}
    return NeedsOf(frozenset(whole), frozenset(credentials))


def plugins_in(jenkinsfile: str) -> Iterator[str]:
    """Ids of plugins that a Jenkinsfile needs."""
    if header := _HEADER.search(jenkinsfile):
        yield from (name.strip() for name in header[1].split(","))
    code = _COMMENT.sub(" ", jenkinsfile)
    for pattern, plugin in _SYMBOLS.items():
        if re.search(pattern, code, re.MULTILINE):
            yield plugin


def credentials_in(jenkinsfile: str) -> Iterator[str]:
    """Ids of credentials that a Jenkinsfile names; those that it computes cannot be known."""
    for match in _CREDENTIAL.finditer(_COMMENT.sub(" ", jenkinsfile)):
        yield next(text for text in match.groupdict().values() if text)


def _plugins(item: AnyItem) -> Iterator[str]:
    match item:
        case Folder():
            yield "cloudbees-folder"
        case Multibranch():
            yield from (*_PIPELINE, "workflow-multibranch", "branch-api", _SOURCES[item.scm.kind])
        case Pipeline():
            yield from _PIPELINE
            if item.scm is not None:
                yield "git"
            yield from (_TRIGGERS[each.kind] for each in item.triggers if each.kind in _TRIGGERS)
        case Release():
            yield from (*_PIPELINE, *_DECLARATIVE, "git")
            yield from (name for name, used in _of_release(item).items() if used)


def _of_release(item: Release) -> Mapping[str, bool]:
    return {
        "credentials-binding": bool(item.credentials),
        "pipeline-input-step": item.approval is not None,
        "docker-workflow": item.agent.docker is not None,
        "kubernetes": item.agent.kubernetes is not None,
    }


def _credentials(item: AnyItem) -> Iterator[str]:
    if isinstance(item, Folder):
        return
    if item_scm := getattr(item, "scm", None):
        yield from filter(None, (item_scm.credentials, getattr(item_scm, "ssh_credentials", None)))
    if isinstance(item, Pipeline):
        triggers: tuple[JobTrigger, ...] = item.triggers
        yield from (each.webhook.token_credentials for each in triggers if each.webhook is not None)
    if isinstance(item, Release):
        yield from (bound.id for bound in item.credentials.values())
