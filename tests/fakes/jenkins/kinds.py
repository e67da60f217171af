"""How items and builds look in the remote API: their properties, in Jenkins' order, with their visibility."""

from typing import Any

from tests.fakes.jenkins import parameters
from tests.fakes.jenkins.builds import COLORS, RANK, Run
from tests.fakes.jenkins.export import Kind, Property
from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.schema import FOLDER, MULTIBRANCH, ORGANIZATION, ROOTS

_EMPTY: dict[str, Any] = {}
_HIDDEN = 0
_CREDENTIALS = {"_class": "com.cloudbees.plugins.credentials.ViewCredentialsAction"}
_DISPLAY = {"_class": "org.jenkinsci.plugins.displayurlapi.actions.JobDisplayAction"}


def url(item: Item, viewer: Any) -> str:
    """An item's URL; at the root it is spelt as it was asked for."""
    asked = viewer.spelt.get(item)
    return viewer.server.url + (f"job/{asked}/" if asked else item.path)


def color(job: Item, _: Any = None) -> str:
    last = next((run for run in reversed(job.runs.values()) if not run.building), None)
    base = "disabled" if job.disabled else COLORS[last.result or ""] if last else "notbuilt"
    return base + "_anime" if any(run.building for run in job.runs.values()) else base


def buildable(job: Item, _: Any = None) -> bool:
    return not job.disabled and not job.held


def latest(job: Item, *results: str, completed: bool = False) -> Run | None:
    """The newest build with one of these results."""
    for run in reversed(job.runs.values()):
        if (not results and not completed) or (run.result and (not results or run.result in results)):
            return run
    return None


PERMALINKS: dict[str, Any] = {
    "lastBuild": lambda job: latest(job),
    "lastCompletedBuild": lambda job: latest(job, completed=True),
    "lastFailedBuild": lambda job: latest(job, "FAILURE"),
    "lastStableBuild": lambda job: latest(job, "SUCCESS"),
    "lastSuccessfulBuild": lambda job: latest(job, "SUCCESS", "UNSTABLE"),
    "lastUnstableBuild": lambda job: latest(job, "UNSTABLE"),
    "lastUnsuccessfulBuild": lambda job: latest(job, "FAILURE", "UNSTABLE", "ABORTED", "NOT_BUILT"),
}


def _health(job: Item, _: Any) -> list[dict[str, Any]]:
    done = [run for run in reversed(job.runs.values()) if run.result][:5]
    if not done:
        return []
    failed = sum(run.result in ("FAILURE", "ABORTED") for run in done)
    said = "No recent builds failed." if not failed else f"{failed} out of the last {len(done)} builds failed."
    said = "All recent builds failed." if failed == len(done) else said
    score = 100 * (len(done) - failed) // len(done)
    reports = [_report(f"Build stability: {said}", score)]
    tests = next((run.does.test_report for run in done if run.does.test_report), None)
    if tests:
        failing, total = tests["failCount"], tests["failCount"] + tests["passCount"] + tests["skipCount"]
        noun = "test" if failing == 1 else "tests"
        said = f"Test Result: {failing} {noun} failing out of a total of {total} tests."
        reports.insert(0, _report(said, 100 * (total - failing) // total))
    return sorted(reports, key=lambda report: report["score"])


def _report(description: str, score: int) -> dict[str, Any]:
    icon = f"health-{'80plus' if score > 80 else '60to79' if score > 60 else '40to59' if score > 40 else '00to19'}"
    return {"description": description, "iconClassName": f"icon-{icon}", "iconUrl": f"{icon}.png", "score": score}


def _job_actions(job: Item, _: Any) -> list[dict[str, Any]]:
    if job.is_container:
        return [_EMPTY, _EMPTY, _CREDENTIALS]
    more = [_EMPTY] * len(found.elements) if (found := job.read.find("actions")) else []
    return [*more, _EMPTY, _EMPTY, _EMPTY, _EMPTY, _DISPLAY, _EMPTY, _EMPTY, _CREDENTIALS]


def _properties(job: Item, _: Any) -> list[dict[str, Any]]:
    shown = []
    for each in job.properties:
        out: dict[str, Any] = {"_class": each.tag.replace("__", "_")}
        if each.tag == "hudson.model.ParametersDefinitionProperty":
            out["parameterDefinitions"] = [parameters.shown(one) for one in parameters.definitions(job)]
        shown.append(out)
    return shown


def _builds(job: Item, _: Any) -> list[Run]:
    return list(reversed(job.runs.values()))[:100]


def jobs(folder: Item, viewer: Any) -> list[Item]:
    """The children that somebody may see."""
    may, user = viewer.server.security.may, viewer.user
    if "Job/Read" in user.permissions or "Overall/Administer" in user.permissions:
        return [each for each in folder.sorted if each.access is None or may(user, "Job/Read", each)]
    return [each for each in folder.sorted if may(user, "Job/Read", each)]


def _waits(job: Item, viewer: Any) -> Any:
    queue = viewer.server.queue
    return next((queue.shown(item) for item in queue.items.values() if item.task is job), None)


_NAMED = [
    Property("description", lambda item, _: item.description),
    Property("displayName", lambda item, _: item.display_name),
    Property("displayNameOrNull", lambda item, _: item.read.text_of("displayName")),
    Property("fullDisplayName", lambda item, _: item.full_display_name),
    Property("fullName", lambda item, _: item.full_name),
    Property("name", lambda item, _: item.name, 3),
    Property("url", url, 3),
]
_ITEM = [Property("actions", _job_actions), *_NAMED]
_JOB = [
    *_ITEM,
    Property("allBuilds", lambda job, _: list(reversed(job.runs.values())), _HIDDEN),
    Property("buildable", buildable),
    Property("builds", _builds),
    Property("color", color, 2),
    Property("firstBuild", lambda job, _: next(iter(job.runs.values()), None)),
    Property("healthReport", _health),
    Property("keepDependencies", lambda job, _: job.read.text_of("keepDependencies") == "true"),
    *(Property(name, lambda job, _, find=find: find(job)) for name, find in PERMALINKS.items()),
    Property("nextBuildNumber", lambda job, _: job.next_number),
    Property("property", _properties),
    Property("concurrentBuild", lambda job, _: job.concurrent),
    Property("inQueue", lambda job, viewer: _waits(job, viewer) is not None),
    Property("queueItem", _waits),
]
_FOLDER = [
    *_ITEM,
    Property("healthReport", lambda *_: []),
    Property("jobs", jobs),
    Property("primaryView", lambda folder, viewer: _all_view(folder, viewer, "All")),
    Property("views", lambda folder, viewer: _views(folder, viewer, "All")),
]
_FREESTYLE = [
    *_JOB,
    Property("disabled", lambda job, _: job.disabled),
    Property("downstreamProjects", lambda *_: []),
    Property("labelExpression", lambda *_: None),
    Property("scm", lambda *_: {"_class": "hudson.scm.NullSCM"}),
    Property("upstreamProjects", lambda *_: []),
]
_PIPELINE = [*_JOB, Property("resumeBlocked", lambda job, _: job.property_named(_NO_RESUME) is not None)]
_NO_RESUME = "org.jenkinsci.plugins.workflow.job.properties.DisableResumeJobProperty"
_COMPUTED = [*_FOLDER, Property("sources", lambda *_: [])]


def _all_view(folder: Item, viewer: Any, name: str) -> dict[str, Any]:
    at = viewer.server.url + folder.path
    return {"_class": "hudson.model.AllView", "name": name, "url": at}


def _views(folder: Item, viewer: Any, name: str) -> list[dict[str, Any]]:
    at = viewer.server.url + folder.path
    listed = [{"_class": each.tag, "name": key, "url": f"{at}view/{key}/"} for key, each in folder.views.items()]
    return [_all_view(folder, viewer, name), *listed]


_ROOT = Kind(
    "hudson.model.Hudson",
    [
        Property("assignedLabels", lambda *_: [{"name": "built-in"}]),
        Property("mode", lambda *_: "NORMAL"),
        Property("nodeDescription", lambda *_: "the Jenkins controller's built-in node"),
        Property("nodeName", lambda *_: ""),
        Property("numExecutors", lambda _, viewer: viewer.server.queue.executors),
        Property("description", lambda *_: None),
        Property("jobs", jobs),
        Property("overallLoad", lambda *_: _EMPTY),
        Property("primaryView", lambda root, viewer: _all_view(root, viewer, "all")),
        Property("quietDownReason", lambda _, viewer: viewer.server.quiet_reason),
        Property("quietingDown", lambda _, viewer: viewer.server.queue.quieting),
        Property("slaveAgentPort", lambda *_: -1),
        Property("unlabeledLoad", lambda *_: {"_class": "jenkins.model.UnlabeledLoadStatistics"}),
        Property("url", lambda _, viewer: viewer.server.url),
        Property("useCrumbs", lambda _, viewer: viewer.server.security.csrf),
        Property("useSecurity", lambda *_: True),
        Property("views", lambda root, viewer: _views(root, viewer, "all")),
    ],
)
_KINDS = {
    "flow-definition": Kind(ROOTS["flow-definition"], _PIPELINE),
    "project": Kind(ROOTS["project"], _FREESTYLE),
    FOLDER: Kind(FOLDER, _FOLDER),
    MULTIBRANCH: Kind(MULTIBRANCH, _COMPUTED),
    ORGANIZATION: Kind(ORGANIZATION, _COMPUTED),
    "": _ROOT,
}


def _action(name: str, **more: Any) -> dict[str, Any]:
    return {"_class": name, **more}


def _time_in_queue(run: Run) -> dict[str, Any]:
    waited = int(run.waited * 1000)
    names = ("blockedDurationMillis", "blockedTimeMillis", "buildableDurationMillis", "buildableTimeMillis")
    shown: dict[str, Any] = dict.fromkeys(names, 0)
    took = int(((run.ended or run.started) - run.started) * 1000)
    shown |= {
        "buildingDurationMillis": took,
        "executingTimeMillis": took,
        "executorUtilization": 1.0,
        "subTaskCount": 0,
    }
    shown |= {"waitingDurationMillis": waited, "waitingTimeMillis": waited}
    return _action("jenkins.metrics.impl.TimeInQueueAction", **shown)


def _tests(run: Run) -> list[dict[str, Any]]:
    report = run.does.test_report
    if report is None or run.building:
        return []
    counts = {"failCount": report["failCount"], "skipCount": report["skipCount"]}
    counts |= {"totalCount": report["failCount"] + report["passCount"] + report["skipCount"], "urlName": "testReport"}
    return [_action("hudson.tasks.junit.TestResultAction", **counts), _EMPTY]


def _run_actions(run: Run, _: Any) -> list[dict[str, Any]]:
    values = [each.json for each in run.parameters]
    actions = [_action("hudson.model.ParametersAction", parameters=values)] if values else []
    actions += [_action("hudson.model.CauseAction", causes=run.causes), _time_in_queue(run)]
    actions += [_action("org.jenkinsci.plugins.workflow.libs.LibrariesAction"), _EMPTY]
    if run.interrupted_by and not run.building:
        by = {"_class": "jenkins.model.CauseOfInterruption$UserInterruption"}
        by["shortDescription"] = f"Aborted by {run.interrupted_by}"
        actions.append(_action("jenkins.model.InterruptedBuildAction", causes=[by]))
    if run.asking:
        actions.append(_action("org.jenkinsci.plugins.workflow.support.steps.input.InputAction"))
    actions += [*_tests(run), _EMPTY, _EMPTY, *([] if run.building else [_EMPTY])]
    actions.append(_action("org.jenkinsci.plugins.displayurlapi.actions.RunDisplayAction"))
    actions.append(_action("org.jenkinsci.plugins.pipeline.modeldefinition.actions.RestartDeclarativePipelineAction"))
    actions += [_EMPTY, *([_EMPTY, _EMPTY] if run.building else [])]
    return [*actions, _action("org.jenkinsci.plugins.workflow.job.views.FlowGraphAction"), _EMPTY, _EMPTY]


def _artifacts(run: Run, _: Any) -> list[dict[str, Any]]:
    if run.building:
        return []
    names = [(path.rpartition("/")[2], path) for path in run.does.artifacts]
    return [{"displayPath": path, "fileName": name, "relativePath": path} for name, path in names]


def duration(run: Run, _: Any = None) -> int:
    return int((run.ended - run.started) * 1000) if run.ended is not None else 0


def _estimate(run: Run, _: Any) -> int:
    done = [duration(each) for each in reversed(run.job.runs.values()) if each.result in RANK[:3]][:3]
    return sum(done) // len(done) if done else -1


def _neighbour(run: Run, step: int) -> Any:
    numbers = [number for number in run.job.runs if (number - run.number) * step > 0]
    found = run.job.runs[min(numbers, key=lambda number: abs(number - run.number))] if numbers else None
    return found and _Neighbour(found)


class _Neighbour:
    """A build of the same job: it is no news which class it has."""

    kind = Kind(
        None,
        [
            Property("number", lambda near, _: near.run.number, 3),
            Property("url", lambda near, viewer: viewer.server.url + near.run.path, 3),
        ],
    )

    def __init__(self, run: Run) -> None:
        self.run = run


def _full_name(run: Run, _: Any) -> str:
    return f"{run.job.full_display_name} {run.display_name}"


_RUN = [
    Property("actions", _run_actions),
    Property("artifacts", _artifacts),
    Property("building", lambda run, _: run.building),
    Property("description", lambda run, _: run.description),
    Property("displayName", lambda run, _: run.display_name),
    Property("duration", duration),
    Property("estimatedDuration", _estimate),
    Property("executor", lambda run, _: {"_class": "hudson.model.OneOffExecutor"} if run.building else None),
    Property("fingerprint", lambda run, viewer: viewer.server.fingerprints(run), _HIDDEN),
    Property("fullDisplayName", _full_name),
    Property("id", lambda run, _: str(run.number)),
    Property("keepLog", lambda run, _: run.keep),
    Property("number", lambda run, _: run.number, 3),
    Property("queueId", lambda run, _: run.queue_id),
    Property("result", lambda run, _: run.result),
    Property("timestamp", lambda run, _: int(run.started * 1000)),
    Property("url", lambda run, viewer: viewer.server.url + run.path, 3),
    Property("changeSets", lambda *_: []),
    Property("culprits", lambda *_: []),
    Property("inProgress", lambda run, _: run.building),
    Property("nextBuild", lambda run, _: _neighbour(run, 1)),
    Property("previousBuild", lambda run, _: _neighbour(run, -1)),
]
_RUN_KINDS = {
    "flow-definition": Kind("org.jenkinsci.plugins.workflow.job.WorkflowRun", _RUN),
    "project": Kind("hudson.model.FreeStyleBuild", _RUN),
}
Item.kind = property(lambda item: _KINDS[item.tag])  # type: ignore[attr-defined]
Run.kind = property(lambda run: _RUN_KINDS[run.job.tag])  # type: ignore[attr-defined]
