"""What the build of a declarative pipeline writes into its job."""

from typing import Any

from tests.fakes.jenkins import jenkinsfile
from tests.fakes.jenkins.builds import Build
from tests.fakes.jenkins.dom import Node, node
from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.jenkinsfile import Call
from tests.fakes.jenkins.understanding import TRIGGERS, Understanding

_JOB = "org.jenkinsci.plugins.workflow.job.properties."
_MODEL = "org.jenkinsci.plugins.pipeline.modeldefinition."
_PARAMETERS = "hudson.model.ParametersDefinitionProperty"
_TRACKER = f"{_MODEL}actions.DeclarativeJobPropertyTrackerAction"
_ACTION = f"{_MODEL}actions.DeclarativeJobAction"
_INLINE = "org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition"
_KEPT_BY_NAME = ("quietPeriod", "skipDefaultCheckout")  # options that are tracked, but are no property
_UNAPPROVED = (
    "org.jenkinsci.plugins.scriptsecurity.scripts.UnapprovedUsageException: script not yet approved for use",
    *(
        f"\tat {place}"
        for place in (
            "PluginClassLoader for script-security//org.jenkinsci.plugins.scriptsecurity.scripts.ScriptApproval.using"
            "(ScriptApproval.java:695)",
            "PluginClassLoader for workflow-cps//org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition.create"
            "(CpsFlowDefinition.java:133)",
            "PluginClassLoader for workflow-cps//org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition.create"
            "(CpsFlowDefinition.java:78)",
            "PluginClassLoader for workflow-job//org.jenkinsci.plugins.workflow.job.WorkflowRun.run"
            "(WorkflowRun.java:311)",
            "hudson.model.ResourceController.execute(ResourceController.java:101)",
            "hudson.model.Executor.run(Executor.java:445)",
        )
    ),
)


def refusal(job: Item) -> Build | None:
    """The build of a job whose script nobody has approved, or that has none."""
    if job.tag != "flow-definition":
        return None
    definition = job.read.find("definition")
    if definition is None:
        return Build(result="FAILURE", log=[(0, "No flow definition, cannot run")])
    if definition.attributes.get("class") == _INLINE and definition.text_of("sandbox") != "true":
        return Build(result="FAILURE", log=[(0, each) for each in _UNAPPROVED])
    return None


def apply(job: Item, from_repository: str | None, understanding: Understanding) -> bool:
    """Writes the directives into the job; whether there was anything to do."""
    definition = job.read.find("definition")
    if definition is None or refusal(job) is not None:
        return False
    text = definition.text_of("script") if definition.attributes.get("class") == _INLINE else from_repository
    declared = jenkinsfile.read(text) if text else None
    if declared is None:
        return False
    properties = job.read.find("properties")
    assert properties is not None
    _forget(job, properties)
    made = _properties(declared.options)
    _add_triggers(properties, [each for each in map(_trigger, declared.triggers) if each])
    _add_parameters(properties, [each for each in map(_parameter, declared.parameters) if each])
    present = {each.tag for each in properties.elements}
    properties.children += [each for each in sorted(made, key=lambda each: each.tag) if each.tag not in present]
    quiet = next((call for call in declared.options if call.name == "quietPeriod"), None)
    if quiet is not None:
        job.read.set_text("quietPeriod", str(quiet.arguments.get("")), before=("disabled",))
    _track(
        job,
        jobProperties=[each.tag.replace("__", "_") for each in made],
        triggers=[each.tag for each in map(_trigger, declared.triggers) if each],
        parameters=[str(call.arguments.get("name")) for call in declared.parameters],
        options=[call.name for call in declared.options if call.name in _KEPT_BY_NAME],
    )
    job.read = understanding.of(job.read)
    return True


def _forget(job: Item, properties: Node) -> None:
    """Takes away what the last build wrote."""
    tracker = job.read.find("actions", _TRACKER)
    if tracker is None:
        return
    before = {each.tag: {one.text for one in each.elements} for each in tracker.elements}
    gone = before.get("jobProperties", set())
    properties.children = [each for each in properties.elements if each.tag.replace("__", "_") not in gone]
    _thin(properties, TRIGGERS, "triggers", lambda each: each.tag in before.get("triggers", ()))
    _thin(
        properties,
        _PARAMETERS,
        "parameterDefinitions",
        lambda each: each.text_of("name") in before.get("parameters", ()),
    )
    if "quietPeriod" in before.get("options", ()):
        job.read.set_text("quietPeriod", "5", before=("disabled",))


def _thin(properties: Node, tag: str, inside: str, gone: Any) -> None:
    found = properties.find(tag, inside)
    if found is not None:
        found.children = [each for each in found.elements if not gone(each)]
        if not found.children:
            properties.remove(tag)


def _add_triggers(properties: Node, made: list[Node]) -> None:
    found = properties.find(TRIGGERS, "triggers")
    here = found.elements if found else []
    present = {each.tag for each in here}
    whole = sorted([*here, *(each for each in made if each.tag not in present)], key=lambda each: each.tag)
    if whole and found is not None:
        found.children = list(whole)
    elif whole:
        properties.children.append(node(TRIGGERS, node("triggers", *whole)))


def _add_parameters(properties: Node, made: list[Node]) -> None:
    found = properties.find(_PARAMETERS, "parameterDefinitions")
    names = {each.text_of("name") for each in made}
    others = [each for each in found.elements if each.text_of("name") not in names] if found else []
    # A property that was there moves behind the triggers, as do its parameters behind those of the Jenkinsfile.
    if made:
        if found is not None:
            properties.remove(_PARAMETERS)
        properties.children.append(node(_PARAMETERS, node("parameterDefinitions", *made, *others)))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _parameter(call: Call) -> Node | None:
    kinds = {"string": "String", "booleanParam": "Boolean", "choice": "Choice", "text": "Text", "password": "Password"}
    if call.name not in kinds:
        return None
    made = node(f"hudson.model.{kinds[call.name]}ParameterDefinition", node("name", _text(call.arguments.get("name"))))
    if "description" in call.arguments:
        made.children.append(node("description", _text(call.arguments["description"])))
    if call.name == "choice":
        listed = call.arguments.get("choices", [])
        listed = listed.split("\n") if isinstance(listed, str) else listed
        made.children.append(node("choices", *(node("string", _text(each)) for each in listed)))
    else:
        default = call.arguments.get("defaultValue")
        made.children.append(
            node("defaultValue", "false" if default is None and call.name == "booleanParam" else _text(default))
        )
    if "trim" in call.arguments:
        made.children.append(node("trim", _text(call.arguments["trim"])))
    return made


def _trigger(call: Call) -> Node | None:
    given = call.arguments.get("") or call.arguments.get("spec")
    if call.name == "cron":
        return node("hudson.triggers.TimerTrigger", node("spec", _text(given)))
    if call.name == "pollSCM":
        given = call.arguments.get("scmpoll_spec", given)
        return node("hudson.triggers.SCMTrigger", node("spec", _text(given)), node("ignorePostCommitHooks", "false"))
    if call.name == "upstream":
        threshold = [("name", "SUCCESS"), ("ordinal", "0"), ("color", "BLUE"), ("completeBuild", "true")]
        upstream = node("upstreamProjects", _text(call.arguments.get("upstreamProjects", given)))
        details = node("threshold", *(node(name, text) for name, text in threshold))
        return node("jenkins.triggers.ReverseBuildTrigger", node("spec", ""), upstream, details)
    if call.name == "GenericTrigger":
        return _webhook(call)
    return None


def _webhook(call: Call) -> Node:
    made = node("org.jenkinsci.plugins.gwt.GenericTrigger", node("spec", ""))
    for name, value in call.arguments.items():
        if name == "genericVariables":
            fields = [
                [node(key, _text(each[key])) for key in ("expressionType", "key", "value") if key in each]
                for each in value
            ]
            made.children.append(
                node(name, *(node("org.jenkinsci.plugins.gwt.GenericVariable", *each) for each in fields))
            )
        elif name:
            made.children.append(node(name, _text(value)))
    return made


def _properties(options: list[Call]) -> list[Node]:
    makers = {
        "buildDiscarder": _discarder,
        "disableConcurrentBuilds": lambda call: node(
            f"{_JOB}DisableConcurrentBuildsJobProperty",
            node("abortPrevious", _text(call.arguments.get("abortPrevious", False))),
        ),
        "disableResume": lambda _: node(f"{_JOB}DisableResumeJobProperty"),
        "durabilityHint": lambda call: node(
            f"{_JOB}DurabilityHintJobProperty", node("hint", _text(call.arguments.get("", call.arguments.get("hint"))))
        ),
        "preserveStashes": lambda call: node(
            f"{_MODEL}properties.PreserveStashesJobProperty",
            node("buildCount", _text(call.arguments.get("buildCount", 1))),
        ),
    }
    return [makers[call.name](call) for call in options if call.name in makers]


def _discarder(call: Call) -> Node:
    rotator = call.arguments.get("")
    given = rotator.arguments if isinstance(rotator, Call) else {}
    names = ("daysToKeep", "numToKeep", "artifactDaysToKeep", "artifactNumToKeep")
    fields = [node(name, _text(given.get(f"{name}Str") or given.get(name) or -1)) for name in names]
    removed = node("removeLastBuild", _text(given.get("removeLastBuild", False)))
    return node(
        "jenkins.model.BuildDiscarderProperty", node("strategy", *fields, removed, class_="hudson.tasks.LogRotator")
    )


def _track(job: Item, **written: list[str]) -> None:
    lists = [node(name, *(node("string", each) for each in _as_hash_set(texts))) for name, texts in written.items()]
    actions = job.read.find("actions")
    if actions is None:
        actions = node("actions")
        job.read.children.insert(0, actions)
    actions.children = [each for each in actions.elements if each.tag not in (_ACTION, _TRACKER)]
    actions.children += [node(_ACTION), node(_TRACKER, *lists)]


def _as_hash_set(texts: list[str]) -> list[str]:
    """The order in which a HashSet of Java gives its elements back."""

    def bucket(text: str) -> int:
        code = 0
        for unit in memoryview(text.encode("utf-16-le")).cast("H"):
            code = (code * 31 + unit) & 0xFFFFFFFF
        return (code ^ code >> 16) & (size - 1)

    size = 16
    while len(set(texts)) > size * 3 // 4:
        size *= 2
    return sorted(dict.fromkeys(texts), key=bucket)
