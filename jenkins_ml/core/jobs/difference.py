"""What differs between two configurations, setting by setting, named as jobs.yaml names it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from jenkins_ml.core.jobs import classes, meaning
from jenkins_ml.core.jobs.jenkinsfile import NOTHING, Own
from jenkins_ml.core.jobs.meaning import ORDER, PRESENT, Path, Settings

_DEFAULTS: Final = frozenset({"0", "-1", "NONE"})  # a server's own values of fields that we do not write
# Fields that a server writes only where somebody set them, and those where 0 is not the default: keep none at all.
_OPTIONAL: Final = frozenset({"quietPeriod", "daysToKeep", "numToKeep", "artifactDaysToKeep", "artifactNumToKeep"})
_USER_INFO: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")

_PARAMETERS: Final = ("properties", classes.PARAMETERS, "parameterDefinitions")
_TRIGGERS: Final = ("properties", classes.TRIGGERS, "triggers")
_ROTATOR: Final = ("properties", classes.DISCARDER, "strategy")
_REMOTE: Final = ("definition", "scm", "userRemoteConfigs", "hudson.plugins.git.UserRemoteConfig")
_SOURCE: Final = ("sources", "data", classes.BRANCH_SOURCE, "source")
_FIELDS: Final[Mapping[Path, str]] = {
    ("displayName",): "display_name",
    ("quietPeriod",): "quiet_period",
    (*_PARAMETERS, ORDER): "order of parameters",
    (*_ROTATOR, "numToKeep"): "discard.keep",
    (*_ROTATOR, "daysToKeep"): "discard.days",
    (*_ROTATOR, "artifactNumToKeep"): "discard.artifact_keep",
    (*_ROTATOR, "artifactDaysToKeep"): "discard.artifact_days",
    (*_ROTATOR, "class"): "discard",
    ("properties", classes.DISCARDER): "discard",
    ("properties", classes.NOT_CONCURRENT): "concurrent: queue",
    ("properties", classes.NOT_CONCURRENT, "abortPrevious"): "concurrent: abort_previous",
    ("definition", "class"): "where the pipeline's text comes from",
    ("definition", "script"): "inline",
    ("definition", "sandbox"): "sandbox",
    ("definition", "scriptPath"): "script",
    ("definition", "lightweight"): "lightweight",
    ("definition", "scm", "class"): "scm",
    (*_REMOTE, "url"): "scm.git",
    (*_REMOTE, "credentialsId"): "scm.credentials",
    ("definition", "scm", "branches", "hudson.plugins.git.BranchSpec", "name"): "scm.branch",
    ("definition", "scm", "extensions", classes.CLONE_OPTION, "depth"): "scm.depth",
    ("factory", "scriptPath"): "script",
    (*_SOURCE, "class"): "scm",
    (*_SOURCE, "remote"): "scm.git",
    (*_SOURCE, "repoOwner"): "scm.github (owner)",
    (*_SOURCE, "repository"): "scm.github (name)",
    (*_SOURCE, "projectPath"): "scm.gitlab",
    (*_SOURCE, "serverName"): "scm.server",
    (*_SOURCE, "apiUri"): "scm.api",
    (*_SOURCE, "credentialsId"): "scm.credentials",
    ("orphanedItemStrategy", "pruneDeadBranches"): "orphans.remove",
    ("orphanedItemStrategy", "daysToKeep"): "orphans.days",
    ("orphanedItemStrategy", "numToKeep"): "orphans.keep",
    ("orphanedItemStrategy", "abortBuilds"): "orphans.abort",
    ("triggers", classes.SCAN): "scan",
    ("triggers", classes.SCAN, "interval"): "scan (milliseconds)",
}
_TRIGGER_WORDS: Final[Mapping[str, str]] = {
    classes.CRON: "cron",
    classes.POLL: "poll",
    classes.GITHUB_PUSH: "github",
    classes.GITLAB_PUSH: "gitlab",
    classes.WEBHOOK: "webhook",
    classes.UPSTREAM: "upstream",
}
_PARAMETER_FIELDS: Final[Mapping[str, str]] = {"defaultValue": "default"}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One setting that differs.

    Args:
        setting: its name, as jobs.yaml has it where it has one.
        before: what the server has; None for nothing.
        after: what jobs.yaml asks for; None for nothing.
    """

    setting: str
    before: str | None
    after: str | None


def changes(desired: Settings, live: Settings, own: Own = NOTHING) -> tuple[Change, ...]:
    """What would change on the server, in the order of the settings' names.

    Args:
        desired: the settings that are asked for.
        live: the settings that the server has.
        own: what the job's Jenkinsfile wrote; it has the last word, whatever jobs.yaml says.
    """
    desired, live = without(desired, own), without(live, own)
    found = []
    for path in sorted({*desired, *live}):
        before, after = live.get(path), desired.get(path)
        if before == after or (after is None and _is_default(path, before)):
            continue
        found.append(Change(setting=label(path), before=_shown(before), after=_shown(after)))
    return tuple(_without_parts(found))


def overruled(desired: Settings, own: Own) -> tuple[str, ...]:
    """Settings that jobs.yaml names and the Jenkinsfile decides."""
    return tuple(dict.fromkeys(label(path) for path in sorted(desired) if own.has(path)))


def label(path: Path) -> str:
    """The name of a setting: that of jobs.yaml, or else what config.xml calls it, without Java's packages."""
    if path in _FIELDS:
        return _FIELDS[path]
    if path[:3] == _PARAMETERS and len(path) > 3:
        rest = [_PARAMETER_FIELDS.get(part, part) for part in path[4:]]
        return ".".join([f"parameters{path[3]}", *rest])
    if path[:3] == _TRIGGERS and len(path) > 3 and (word := _TRIGGER_WORDS.get(path[3])):
        rest = [_short(part) for part in path[4:]]
        return f"triggers.{word}" if rest in ([], ["spec"]) else ".".join([f"triggers.{word}", *rest])
    if path[: len(_SOURCE)] == _SOURCE:
        return ".".join(["scm", *(_short(part) for part in path[len(_SOURCE) :])])
    return ".".join(_short(part) for part in path)


def _short(part: str) -> str:
    name, bracket, index = part.partition("[")
    return re.split(r"[.$]", name)[-1] + bracket + index


def without(values: Settings, own: Own) -> Settings:
    """Settings without those that the job's Jenkinsfile decides."""
    if own == NOTHING:
        return values
    left = {path: value for path, value in values.items() if not own.has(path)}
    order = (*_PARAMETERS, ORDER)
    if order in left:
        names = [name for name in json.loads(left[order]) if name not in own.parameters]
        del left[order]
        if len(names) > 1:
            left[order] = json.dumps(names, ensure_ascii=False)
    return left


def _shown(value: str | None) -> str | None:
    """A value as a person may see it: an address may hold a token."""
    return None if value is None else _USER_INFO.sub(meaning.MASK, value)


def _is_default(path: Path, value: str | None) -> bool:
    return value in _DEFAULTS and path[-1] not in _OPTIONAL and path[-1] not in meaning.TEXTS


def _without_parts(found: list[Change]) -> Iterator[Change]:
    """Where something as a whole comes or goes under one name, its mere presence need not be told beside its value."""
    named = [each.setting for each in found]
    for index, each in enumerate(found):
        if PRESENT not in (each.before, each.after) or each.setting not in named[:index] + named[index + 1 :]:
            yield each
