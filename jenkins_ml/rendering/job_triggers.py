"""What starts builds, as the triggers' plugins write it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from jenkins_ml.config.jenkins import GitLabTrigger
from jenkins_ml.config.jobs import JobTrigger, Upstream, Webhook
from jenkins_ml.core.jobs import classes
from jenkins_ml.core.jobs.xml_tree import Element, element

# The worst result that still counts, as Jenkins writes a result down.
_RESULTS: Final = {
    "success": ("SUCCESS", 0, "BLUE"),
    "unstable": ("UNSTABLE", 1, "YELLOW"),
    "failure": ("FAILURE", 2, "RED"),
}
# How often cloudbees-folder wakes up for an interval: it wakes more often than it scans.
_WAKE: Final = (
    (timedelta(minutes=5), "* * * * *"),
    (timedelta(minutes=30), "H/5 * * * *"),
    (timedelta(hours=1), "H/15 * * * *"),
    (timedelta(hours=8), "H/30 * * * *"),
    (timedelta(days=1), "H H/4 * * *"),
    (timedelta(days=2), "H H/12 * * *"),
)


def trigger(given: JobTrigger) -> Element:
    """One trigger of a pipeline."""
    match given.kind:
        case "cron":
            return element(classes.CRON, element("spec", given.cron))
        case "poll":
            return element(classes.POLL, element("spec", given.poll), element("ignorePostCommitHooks", False))
        case "github":
            return element(classes.GITHUB_PUSH, element("spec"), plugin="github")
    if given.gitlab is not None:
        return _gitlab(given.gitlab)
    if given.upstream is not None:
        return _upstream(given.upstream)
    if given.webhook is not None:
        return _webhook(given.webhook)
    raise AssertionError(f"a trigger of kind {given.kind} has no configuration")


def scan_trigger(interval: timedelta) -> Element:
    """Looks for new branches when nothing was heard for so long."""
    spec = next((spec for longest, spec in _WAKE if interval <= longest), "H H * * *")
    milliseconds = interval // timedelta(milliseconds=1)
    return element(classes.SCAN, element("spec", spec), element("interval", milliseconds), plugin="cloudbees-folder")


def _gitlab(given: GitLabTrigger) -> Element:
    return element(
        classes.GITLAB_PUSH,
        element("spec"),
        element("triggerOnPush", given.push),
        element("triggerToBranchDeleteRequest", False),
        element("triggerOnMergeRequest", given.merge_requests),
        element("triggerOnlyIfNewCommitsPushed", False),
        element("triggerOnPipelineEvent", False),
        element("triggerOnAcceptedMergeRequest", False),
        element("triggerOnClosedMergeRequest", False),
        element("triggerOnApprovedMergeRequest", False),
        element("triggerOpenMergeRequestOnPush", "never"),
        element("triggerOnNoteRequest", False),
        element("noteRegex"),
        element("ciSkip", True),
        element("skipWorkInProgressMergeRequest", True),
        element("setBuildDescription", True),
        element("branchFilterType", "All"),
        plugin="gitlab-plugin",
    )


def _upstream(given: Upstream) -> Element:
    name, ordinal, color = _RESULTS[given.result]
    return element(
        classes.UPSTREAM,
        element("spec"),
        element("upstreamProjects", ", ".join(given.jobs)),
        element(
            "threshold",
            element("name", name),
            element("ordinal", ordinal),
            element("color", color),
            element("completeBuild", True),
        ),
    )


def _webhook(given: Webhook) -> Element:
    variables = [
        element(
            classes.WEBHOOK_VARIABLE,
            element("expressionType", "JSONPath"),
            element("key", key),
            element("value", path),
            element("regexpFilter"),
            element("defaultValue"),
        )
        for key, path in given.variables.items()
    ]
    return element(
        classes.WEBHOOK,
        element("spec"),
        element("genericVariables", *variables),
        element("regexpFilterText", given.text or ""),
        element("regexpFilterExpression", given.pattern or ""),
        element("genericRequestVariables"),
        element("genericHeaderVariables"),
        element("printPostContent", False),
        element("printContributedVariables", False),
        element("causeString", given.cause),
        element("token"),
        element("tokenCredentialId", given.token_credentials),
        element("silentResponse", False),
        element("overrideQuietPeriod", False),
        # The plugin's own spelling: with another one the setting would be lost.
        element("shouldNotFlattern", False),
        element("allowSeveralTriggersPerBuild", False),
        plugin="generic-webhook-trigger",
    )
