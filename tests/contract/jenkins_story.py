"""What happened on the recorded Jenkins before and between the recorded exchanges, told to the fake."""

import itertools
import threading
from collections.abc import Callable
from typing import Any

from tests.fakes.jenkins import READER, Agent, Build, FakeJenkins, Input, Stage, User
from tests.fakes.jenkins.asking import wait_until

TOKENS = {
    "admin": "110123456789abcdef0123456789abcdef",
    "viewer": "1122222222222222222222222222222222",
    "builder": "1133333333333333333333333333333333",
    "nobody": "1144444444444444444444444444444444",
    "creator": "1155555555555555555555555555555555",
}
RIGHTS = {
    "admin": {"Overall/Administer"},
    "viewer": READER,
    "builder": READER | {"Job/Build", "Job/Cancel", "Job/Workspace"},
    "creator": READER | {"Job/Create", "Job/Configure", "Job/Delete"},
    "nobody": set(),
}
_INLINE = 'class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition"'
_SCRIPT = (
    "pipeline {\n  agent none\n  stages {\n    stage('A') {\n      steps {\n        echo 'hi'\n      }\n    }\n  }\n}\n"
)
_P = "hudson.model."


def job(properties: str = "", script: str = _SCRIPT) -> str:
    """The XML that most recorded jobs had."""
    return (
        "<?xml version='1.1' encoding='UTF-8'?>\n<flow-definition>\n  <actions/>\n  <description></description>\n"
        f"  <keepDependencies>false</keepDependencies>\n  <properties>{properties}</properties>\n"
        f"  <definition {_INLINE}>\n    <script>{script}</script>\n    <sandbox>true</sandbox>\n  </definition>\n"
        "  <triggers/>\n  <disabled>false</disabled>\n</flow-definition>\n"
    )


def parameters(*inside: str) -> str:
    made = "".join(
        f"<{_P}{kind}ParameterDefinition>{rest}</{_P}{kind}ParameterDefinition>" for kind, rest in map(_split, inside)
    )
    whole = f"{_P}ParametersDefinitionProperty"
    return f"<{whole}><parameterDefinitions>{made}</parameterDefinitions></{whole}>"


def _split(text: str) -> tuple[str, str]:
    kind, _, rest = text.partition(" ")
    return kind, rest


def in_stage(*lines: Any, at: float = 0.0) -> list[tuple[float, Any]]:
    """The log of a pipeline with one stage."""
    before = ("[Pipeline] Start of Pipeline", "[Pipeline] stage", "[Pipeline] { (A)")
    after = ("[Pipeline] }", "[Pipeline] // stage", "[Pipeline] End of Pipeline")
    return [*((0, line) for line in before), *((at, line) for line in lines), *((at, line) for line in after)]


PARAMETERISED = parameters(
    "String <name>MODEL</name><defaultValue>resnet</defaultValue>",
    "Choice <name>SIZE</name><choices><string>s</string><string>l</string></choices>",
    "Boolean <name>FORCE</name><defaultValue>false</defaultValue>",
)
WEBHOOK = (
    "<org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty><triggers>"
    "<org.jenkinsci.plugins.gwt.GenericTrigger><genericVariables><org.jenkinsci.plugins.gwt.GenericVariable>"
    "<expressionType>JSONPath</expressionType><key>ref</key><value>$.ref</value>"
    "</org.jenkinsci.plugins.gwt.GenericVariable></genericVariables><regexpFilterText>$ref</regexpFilterText>"
    "<regexpFilterExpression>^main$</regexpFilterExpression><causeString>hook on $ref</causeString>"
    "<token>gwt-tok</token></org.jenkinsci.plugins.gwt.GenericTrigger></triggers>"
    "</org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty>"
)
_CASE = {
    "testActions": [],
    "age": 0,
    "className": "gate",
    "duration": 0.0,
    "errorDetails": None,
    "errorStackTrace": None,
    "failedSince": 0,
    "name": "a",
    "properties": {},
    "skipped": False,
    "skippedMessage": None,
    "status": "PASSED",
    "stderr": None,
    "stdout": None,
}
_FAILED = {"age": 1, "errorDetails": "low", "errorStackTrace": "x", "failedSince": 1, "name": "b", "status": "FAILED"}
_SUITE = {"cases": [_CASE, _CASE | _FAILED], "duration": 0.0, "enclosingBlockNames": ["A"], "enclosingBlocks": ["6"]}
_SUITE |= {"id": None, "name": "g", "nodeId": "8", "properties": {}, "stderr": None, "stdout": None, "timestamp": None}
REPORT = {
    "_class": "hudson.tasks.junit.TestResult",
    "testActions": [],
    "duration": 0.0,
    "empty": False,
    "failCount": 1,
    "passCount": 1,
    "skipCount": 0,
    "suites": [_SUITE],
}


class Story:
    """The recorded server's life.

    Attributes:
        server: the fake, with a clock that only this story turns.
    """

    def __init__(self) -> None:
        self.time = 1_795_397_700.0
        users = [User(name, TOKENS[name], f"{name}-pw", set(RIGHTS[name])) for name in TOKENS]
        self.server = FakeJenkins(users, clock=lambda: self.time)
        self.phases: list[threading.Event] = []
        self._settings: dict[str, Callable[[], None]] = {
            "version-header-root-anonymous": self.before_everything,
            "post-token-no-crumb": lambda: self.passes(1),
            "config-get": lambda: self.server.put("rx/renamed", job()),
            "description-read": lambda: self.server.item("rx/c1").set_text("description", "via form <b>x</b>"),
            "rename-ok": lambda: self.server.put("rx/ren1", job()),
            "delete-doDelete": self.to_be_deleted,
            "build-no-params": lambda: self.server.put("rx/b1", job()),
            "queue-item-quiet-period": lambda: self.passes(0.05),
            "queue-item-left": lambda: self.passes(0.01),
            "build-delay-2sec": lambda: self.passes(1),
            "build-parameterized-plain-build": self.with_parameters,
            "buildWithParameters-none": lambda: self.passes(0.2),
            "buildWithParameters-none-result": lambda: self.passes(0.2),
            "buildWithParameters-query-result": lambda: self.passes(0.2),
            "buildWithParameters-form-unicode-console": lambda: self.passes(0.2),
            "buildWithParameters-bad-choice": lambda: self.passes(0.2),
            "buildWithParameters-bool-odd-value-result": lambda: self.passes(0.2),
            "coalesce-different-params-1": lambda: self.passes(0.44),
            "queue-list": lambda: self.passes(0.049),
            "build-cause-param": lambda: self.passes(0.1),
            "queue-list-waiting-for-label": self.waits_for_a_label,
            "queue-item-delayed": self.delayed,
            "queue-cancel-viewer": lambda: self.later("rx/b1"),
            "build-api-running": self.runs,
            "progressive-start-offset-running": lambda: self.passes(2),
            "progressive-start-at-end-done": lambda: self.passes(10),
            "testReport-api": self.tests,
            "stop-viewer": self.to_be_stopped,
            "stubborn-stop": self.stubborn,
            "input-pending": self.asks,
            "input-wfapi-inputSubmit": lambda: self.again("rx/inp"),
            "input-abort": lambda: self.again("rx/inp"),
            "input-builder-proceed": lambda: self.again("rx/inp"),
            "disable": lambda: self.server.delete(self.server.item("ren2")),
            "gwt-ok": self.hooked,
            "gwt-header-token": lambda: self.passes(10),
            "gwt-bearer-token": lambda: self.passes(10),
            "gwt-build-console": lambda: self.passes(10),
            "creator-unsandboxed-build-console": lambda: self.again("rx/bycreator"),
            "folder-api-depth0": self.tidied,
            "tree-200-jobs-names": self.many,
            "build-while-quietDown": lambda: self.ids(901),
            "queue-item-after-cancelQuietDown": lambda: self.passes(1),
            "safeRestart": self.before_the_restart,
            "during-restart-503-api": lambda: self.phase("503"),
            "during-restart-401-api": lambda: self.phase("401"),
            "during-restart-ConnectionRefusedError": lambda: self.phase("refused"),
            "after-restart-running-build": self.restarted,
            "after-restart-resumed-build-result": lambda: self.passes(30),
            "stop-build-waiting-for-node": lambda: self.again("rx/wl"),
            "private-folder-creator-reads": self.private,
            "buildWithParameters-password-and-text": self.secret_parameter,
            "build-api-password-parameter": lambda: self.passes(1),
            "console-after-queue-cancel": self.waiting_step_cancelled,
        }

    def before(self, name: str) -> None:
        """What happened before an exchange."""
        if name in self._settings:
            self._settings[name]()

    def end(self) -> None:
        for each in self.phases:
            each.set()

    def passes(self, seconds: float) -> None:
        self.time += seconds
        with self.server.lock:
            self.server.queue.advance()

    def ids(self, first: int) -> None:
        self.server.queue.ids = itertools.count(first)

    def again(self, name: str) -> None:
        """A build, by the administrator."""
        self.server.trigger(name, by="admin")
        self.passes(0.5)

    def later(self, name: str) -> None:
        self.server.trigger(name, by="admin", delay=60)

    def before_everything(self) -> None:
        server = self.server
        for name, result in (("ab", "ABORTED"), ("big", "UNSTABLE"), ("down", "SUCCESS")):
            self.built(name, result)
        for name in ("each", "ns", "sbx"):
            self.built(name, "FAILURE")
        for name in ("rec", "rx"):
            server.folder(name)
        server.nodes.agents["gpu1"] = Agent("gpu1", ["gpu", "linux"], 2)
        server.put("rec/085-agent-missing-label-in-queue", job())
        server.script("rec/085-agent-missing-label-in-queue", Build(needs_label="no-such-label"))
        self.ids(141)
        self.again("rec/085-agent-missing-label-in-queue")
        self.built("rx/early", "SUCCESS")
        self.ids(768)

    def built(self, name: str, result: str) -> None:
        self.server.put(name, job())
        self.server.script(name, Build(result=result), Build())
        self.again(name)

    def to_be_deleted(self) -> None:
        for name in ("del1", "del2", "del3"):
            self.server.put(f"rx/{name}", job())

    def with_parameters(self) -> None:
        self.ids(772)
        self.server.put("rx/bp", job(PARAMETERISED))
        said = lambda run: "m={} s={} f={}".format(*(run.value(name) for name in ("MODEL", "SIZE", "FORCE")))  # noqa: E731
        self.server.script("rx/bp", Build(log=in_stage("[Pipeline] echo", said)))

    def waits_for_a_label(self) -> None:
        queue = self.server.queue
        twice = next(item for item in queue.items.values() if item.values[:1] == [("MODEL", "two")])
        queue.leave(twice, self.time, cancelled=True)  # somebody did not want it
        self.passes(10)
        start = [(0, "[Pipeline] Start of Pipeline"), (0, "[Pipeline] node")]
        self.server.put("rx/wl", job())
        self.server.script("rx/wl", Build(needs_label="no-such-node", log=start))
        self.again("rx/wl")

    def delayed(self) -> None:
        self.later("rx/b1")
        self.passes(0.5)

    def runs(self) -> None:
        home = "$JENKINS_HOME/workspace/rx/run"
        before = ["[Pipeline] Start of Pipeline", "[Pipeline] node", f"Running on Jenkins in {home}", "[Pipeline] {"]
        before += ["[Pipeline] stage", "[Pipeline] { (A)", "[Pipeline] sh"]
        log: list[tuple[float, Any]] = [(0, each) for each in before]
        for i in range(1, 7):
            log += [(i - 1, f"+ echo line {i}"), (i - 1, f"line {i}"), (i - 1, "+ sleep 1")]
        after = ["[Pipeline] sh", "+ echo art", "+ mkdir -p d", "+ echo more", "[Pipeline] archiveArtifacts"]
        after += [
            "Archiving artifacts",
            "Recording fingerprints",
            "[Pipeline] }",
            "[Pipeline] // stage",
            "[Pipeline] }",
        ]
        log += [(6.5, each) for each in [*after, "[Pipeline] // node", "[Pipeline] End of Pipeline"]]
        steps = [("7", "Shell Script", "for i in 1 2 3 4 5 6; do echo line $i; sleep 1; done")]
        steps += [
            ("8", "Shell Script", 'echo art > a.txt; mkdir -p d; echo more > "d/b c.txt"'),
            ("9", "Archive the artifacts", ""),
        ]
        files = {"a.txt": b"art\n", "d/b c.txt": b"more\n"}
        self.server.put("rx/run", job())
        self.server.script("rx/run", Build(6.7, log=log, artifacts=files, stages=[Stage("A", "6", steps)]))
        self.server.trigger("rx/run", by="admin")

    def tests(self) -> None:
        self.server.put("rx/jt", job())
        self.server.script("rx/jt", Build(result="UNSTABLE", test_report=REPORT))
        self.again("rx/jt")

    def to_be_stopped(self) -> None:
        self.server.put("rx/st", job())
        log = [(0, each) for each in ("[Pipeline] Start of Pipeline", "[Pipeline] stage", "[Pipeline] { (A)")]
        log += [(0, "[Pipeline] sleep"), (0, "Sleeping for 1 min 0 sec")]
        self.server.script("rx/st", Build(60, log=log))
        self.again("rx/st")

    def stubborn(self) -> None:
        self.server.put("rx/stub", job())
        lines = [
            "[Pipeline] Start of Pipeline",
            "[Pipeline] timeout",
            "Timeout set to expire in 1 min 0 sec",
            "[Pipeline] {",
        ]
        sleeps = ["[Pipeline] sleep", "Sleeping for 50 sec"]
        log = [(0, each) for each in lines + sleeps]
        ignored = ["[Pipeline] echo", "ignored FlowInterruptedException", *sleeps]
        self.server.script("rx/stub", Build(60, log=log, ignores_stop=True, ignores_term=True, ignored=ignored))
        self.again("rx/stub")

    def asks(self) -> None:
        self.server.put("rx/inp", job())
        log = [(0, each) for each in ("[Pipeline] Start of Pipeline", "[Pipeline] stage", "[Pipeline] { (A)")]
        question = Input("Gate", "Deploy?", "Ship", {"WHO": "x"})
        self.server.script("rx/inp", Build(0.1, log=log, input=question, stages=[Stage("A", "4")]))
        self.again("rx/inp")

    def hooked(self) -> None:
        self.ids(795)
        self.server.put("rx/gwt", job(WEBHOOK))
        said = in_stage("[Pipeline] echo", "ref=main")
        said[1:1] = [(0, "Contributing variables:\n\n    ref = main\n\n\n")]
        self.server.script("rx/gwt", Build(log=said))

    def tidied(self) -> None:
        """Some jobs were made anew or deleted before the folder was listed."""
        for name in ("ct3", "gwt"):
            self.server.delete(self.server.item(f"rx/{name}"))
        self.server.put("rx/gwt", job())

    def many(self) -> None:
        self.server.folder("tseq")
        for i in range(200):
            self.server.put(f"tseq/j{i:03}", job())
        for i in range(3):
            self.server.trigger(f"tseq/j{i:03}", by="admin")
        self.passes(1)
        for name in ("jx", "mb", "t1000", "tpar"):
            self.server.folder(name)

    def before_the_restart(self) -> None:
        home = "$JENKINS_HOME/workspace/rx/long"
        lines = ["[Pipeline] Start of Pipeline", "[Pipeline] node", f"Running on Jenkins in {home}", "[Pipeline] {"]
        lines += ["[Pipeline] stage", "[Pipeline] { (A)", "[Pipeline] echo", "before", "[Pipeline] sleep"]
        log: list[tuple[float, Any]] = [(0, each) for each in [*lines, "Sleeping for 45 sec"]]
        after = ["[Pipeline] sh", "+ echo after restart", "after restart", "[Pipeline] }", "[Pipeline] // stage"]
        log += [(20, each) for each in [*after, "[Pipeline] }", "[Pipeline] // node", "[Pipeline] End of Pipeline"]]
        self.server.put("rx/long", job())
        self.server.script("rx/long", Build(20, log=log, resume_log=["Sleeping for 19 sec"]))
        self.again("rx/long")
        self.server.put("rx/waits", job())
        self.ids(957)
        self.server.trigger("rx/waits", by="admin", delay=120)
        self.server.cancel_quiet_down()
        self.phases = [threading.Event() for _ in range(5)]
        names = ("quiet", "503", "401", "refused", "503")
        self.server.timeline = list(zip(names, self.phases, strict=True))

    def phase(self, name: str) -> None:
        """The restart goes on to its next phase."""
        next(each for each in self.phases if not each.is_set()).set()
        wait_until(lambda: self.server.phase == name and self.server.listening is not (name == "refused"))
        self.time += 8

    def restarted(self) -> None:
        self.end()
        self.server.wait_restarted()
        self.time = self.server.queue.items[957].due - 96.5

    def private(self) -> None:
        self.server.folder("priv")
        self.server.put("priv/j", job())
        self.server.seclude("priv")
        self.server.grant("creator", "priv", "Job/Read", "Job/Create", "Job/Configure", "Job/Delete")
        self.server.grant("builder", "priv", "Job/Discover")

    def secret_parameter(self) -> None:
        self.ids(1038)
        secret = "Password <name>PW</name><defaultValue>dflt</defaultValue>"
        text = "Text <name>TX</name><defaultValue></defaultValue>"
        self.server.put("rx/pf", job(parameters(secret, text)))

    def waiting_step_cancelled(self) -> None:
        queue = self.server.queue
        queue.leave(queue.items[782], self.time, cancelled=True)
