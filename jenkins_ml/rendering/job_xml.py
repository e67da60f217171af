"""Folders and jobs of jobs.yaml as a server's configuration, field by field as the plugins write them.

A field that a plugin does not know is dropped by the server without a word, so each one here was read in a plugin's
source or in what a real server wrote. Versions of plugins are left out: a server ignores them and writes its own.
"""

from __future__ import annotations

from jenkins_ml.config.jenkins import BuildParameter
from jenkins_ml.config.jobs import AnyItem, Folder, GitSource, JobTrigger, Multibranch, Pipeline, Release, Retention
from jenkins_ml.config.model import seconds
from jenkins_ml.core.jobs import classes
from jenkins_ml.core.jobs.xml_tree import Element, element
from jenkins_ml.rendering.branch_sources import branch_source
from jenkins_ml.rendering.git import scm
from jenkins_ml.rendering.job_triggers import scan_trigger, trigger
from jenkins_ml.rendering.release_job import release_parameters, release_schedule, release_script

_MULTIBRANCH: dict[str, str] = {"class_": classes.MULTIBRANCH, "reference": "../.."}


def config(item: AnyItem) -> Element:
    """The configuration of a folder or job, as config.xml has it; equal items give equal elements."""
    match item:
        case Folder():
            return folder(item)
        case Multibranch():
            return _multibranch(item)
        case Release():
            return _release(item)
        case Pipeline():
            return _pipeline(item)


def folder(item: Folder) -> Element:
    """A folder: everything but its name and description is the server's own."""
    return element(classes.FOLDER, *_head(item))


def _head(item: AnyItem) -> tuple[Element | None, ...]:
    display = element("displayName", item.display_name) if item.display_name is not None else None
    # A block of YAML ends with a newline that nobody means; the line of the owner follows after an empty one.
    return element("description", item.description.rstrip()), display


def _pipeline(item: Pipeline) -> Element:
    properties = (
        _discarder(item.discard),
        _concurrency(item),
        _parameters(item.parameters),
        _triggers(*item.triggers),
    )
    quiet = element("quietPeriod", int(seconds(item.quiet_period))) if item.quiet_period is not None else None
    definition = _from_scm(item, item.scm) if item.scm is not None else _inline(item.inline or "", item.sandbox)
    return _job(item, properties, definition, quiet)


def _release(item: Release) -> Element:
    schedule = release_schedule(item)
    properties = (
        _discarder(item.discard),
        element(classes.NOT_CONCURRENT, element("abortPrevious", False)),
        _parameters(release_parameters(item)),
        None if schedule is None else _triggers(JobTrigger(cron=schedule)),
    )
    return _job(item, properties, _inline(release_script(item), sandbox=True), None)


def _triggers(*given: JobTrigger) -> Element | None:
    return element(classes.TRIGGERS, element("triggers", *(trigger(each) for each in given))) if given else None


def _job(
    item: Pipeline | Release, properties: tuple[Element | None, ...], definition: Element, quiet: Element | None
) -> Element:
    return element(
        classes.PIPELINE,
        element("actions"),
        *_head(item),
        element("keepDependencies", False),
        element("properties", *properties),
        definition,
        element("triggers"),
        quiet,
        element("disabled", item.disabled),
    )


def _inline(script: str, sandbox: bool) -> Element:
    return element(
        "definition",
        element("script", script),
        element("sandbox", sandbox),
        class_=classes.INLINE,
        plugin="workflow-cps",
    )


def _from_scm(item: Pipeline, source: GitSource) -> Element:
    return element(
        "definition",
        scm(source),
        element("scriptPath", item.script),
        element("lightweight", item.lightweight),
        class_=classes.FROM_SCM,
        plugin="workflow-cps",
    )


def _discarder(discard: Retention | None) -> Element | None:
    if discard is None:
        return None
    strategy = element(
        "strategy",
        element("daysToKeep", _or_all(discard.days)),
        element("numToKeep", _or_all(discard.keep)),
        element("artifactDaysToKeep", _or_all(discard.artifact_days)),
        element("artifactNumToKeep", _or_all(discard.artifact_keep)),
        class_=classes.LOG_ROTATOR,
    )
    return element(classes.DISCARDER, strategy)


def _or_all(count: int | None) -> int:
    return -1 if count is None else count


def _concurrency(item: Pipeline) -> Element | None:
    if item.concurrent == "allow":
        return None
    return element(classes.NOT_CONCURRENT, element("abortPrevious", item.concurrent == "abort_previous"))


def _parameters(parameters: tuple[BuildParameter, ...]) -> Element | None:
    if not parameters:
        return None
    return element(classes.PARAMETERS, element("parameterDefinitions", *map(_parameter, parameters)))


def _parameter(parameter: BuildParameter) -> Element:
    name, description = element("name", parameter.name), element("description", parameter.description)
    match parameter.kind:
        case "boolean":
            default = element("defaultValue", parameter.initial)
            return element("hudson.model.BooleanParameterDefinition", name, description, default)
        case "choice":
            texts = element("a", *(element("string", text) for text in parameter.choices), class_="string-array")
            choices = element("choices", texts, class_="java.util.Arrays$ArrayList")
            return element("hudson.model.ChoiceParameterDefinition", name, description, choices)
    kind = "Text" if parameter.kind == "text" else "String"
    default = element("defaultValue", parameter.initial)
    return element(f"hudson.model.{kind}ParameterDefinition", name, description, default, element("trim", False))


def _multibranch(item: Multibranch) -> Element:
    orphans = item.orphans
    return element(
        classes.MULTIBRANCH,
        element("actions"),
        *_head(item),
        element("properties"),
        element(
            "orphanedItemStrategy",
            element("pruneDeadBranches", orphans.remove),
            element("daysToKeep", _or_all(orphans.days)),
            element("numToKeep", _or_all(orphans.keep)),
            element("abortBuilds", orphans.abort),
            class_="com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy",
            plugin="cloudbees-folder",
        ),
        element("triggers", scan_trigger(item.scan) if item.scan is not None else None),
        element("disabled", item.disabled),
        element(
            "sources",
            element("data", branch_source(item)),
            element("owner", **_MULTIBRANCH),
            class_="jenkins.branch.MultiBranchProject$BranchSourceList",
            plugin="branch-api",
        ),
        element(
            "factory",
            element("owner", **_MULTIBRANCH),
            element("scriptPath", item.script),
            class_="org.jenkinsci.plugins.workflow.multibranch.WorkflowBranchProjectFactory",
        ),
    )
