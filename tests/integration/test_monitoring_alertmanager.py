"""The Alertmanager configuration that is generated, in the eyes of amtool and of a real Alertmanager."""

import http.server
import json
import subprocess
import threading

import pytest
from ruamel.yaml import YAML

from jenkins_ml.config.loader import load
from jenkins_ml.core.alert_hook import read
from jenkins_ml.rendering.monitoring.alertmanager import FILE, files
from tests.engines.prometheus import Alertmanager
from tests.fakes.jenkins import FakeJenkins
from tests.fakes.repository import CONFIG, wait_until

pytestmark = [pytest.mark.prometheus, pytest.mark.xdist_group("prometheus")]
HOOK = '{url: "http://127.0.0.1:9095/", token_file: /run/token, retrain_job: vision/tiny}'
# Each receiver in each form that Debian's Alertmanager knows; it has no url_file of a web hook yet.
EVERYTHING = f"""
    page: {{email: on-call@example.com, slack_url_file: /run/slack, pagerduty_key_file: /run/pagerduty}}
    ticket: {{email: "{{{{ .a }}}}\\"@example.com", slack_url_file: "/run/a b: c"}}
    hook: {HOOK}
"""
ALERTS = [
    "",
    EVERYTHING,
    "\n    page: {slack_url_file: /s}",
    "\n    ticket: {email: a@example.com}",
    f"\n    hook: {HOOK}",
]


def generated(folder, alerts=EVERYTHING, model="tiny"):
    text = CONFIG.replace("model: tiny", f"model: {model}")
    (folder / "jenkins-ml.yaml").write_text(f"{text}monitor:\n  alerts: {alerts or '{}'}\n")
    return files(load(folder))[FILE]


def parsed(text):
    return YAML(typ="safe", pure=True).load(text)


def amtool(programs, *arguments):
    done = subprocess.run([programs["amtool"], *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def receivers_of(programs, path, labels):
    command = [programs["amtool"], "config", "routes", "test", f"--config.file={path}"]
    done = subprocess.run([*command, *labels], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_without_the_section_there_is_nothing(tmp_path):
    (tmp_path / "jenkins-ml.yaml").write_text(CONFIG)
    assert files(load(tmp_path)) == {}


@pytest.mark.parametrize("alerts", ALERTS)
def test_amtool_takes_it(tmp_path, prometheus_programs, alerts):
    path = tmp_path / "alertmanager.yaml"
    path.write_text(generated(tmp_path, alerts))
    code, said = amtool(prometheus_programs, "check-config", path)
    assert (code, "SUCCESS" in said) == (0, True), said


def test_a_web_hook_s_address_is_in_a_file_too(tmp_path):
    text = generated(tmp_path, "{ticket: {webhook_url_file: /run/hook}}")
    assert parsed(text)["receivers"][1] == {
        "name": "tiny-ticket",
        "webhook_configs": [{"url_file": "/run/hook", "send_resolved": True}],
    }


def test_several_models_go_together(tmp_path, prometheus_programs):
    """As the first lines of the file say: their parts put together."""
    first, second = (parsed(generated(tmp_path, model=name)) for name in ("tiny", "3d.shapes_v2"))
    for part in ("inhibit_rules", "receivers"):
        first[part] += [each for each in second[part] if each != {"name": "nobody"}]
    first["route"]["routes"] += second["route"]["routes"]
    path = tmp_path / "alertmanager.yaml"
    path.write_text(json.dumps(first))
    assert amtool(prometheus_programs, "check-config", path)[0] == 0
    for model in ("tiny", "3d.shapes_v2"):
        labels = (f"model={model}", "severity=page", "action=rollback")
        assert receivers_of(prometheus_programs, path, labels) == f"{model}-hook,{model}-page"


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (("severity=page", "action=rollback"), "tiny-hook,tiny-page"),
        (("severity=page", "action=none"), "tiny-page"),
        (("severity=ticket", "action=retrain"), "tiny-hook,tiny-ticket"),
        (("severity=ticket", "action=none"), "tiny-ticket"),
        (("severity=other",), "nobody"),
        (("severity=page", "action=rollback", "model=other"), "nobody"),
    ],
)
def test_who_hears_of_what(tmp_path, prometheus_programs, labels, receivers):
    path = tmp_path / "alertmanager.yaml"
    path.write_text(generated(tmp_path))
    given = dict(each.split("=") for each in ("model=tiny", *labels))
    labels = [f"{key}={value}" for key, value in given.items()]
    assert receivers_of(prometheus_programs, path, labels) == receivers


class Hook:
    """Takes web hooks: `heard` has the names of alerts, `headers` what came with them; answers `statuses` one by one."""

    def __enter__(self):
        heard, headers, statuses = self.heard, self.headers, self.statuses = [], [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                heard.append(sorted((each["labels"]["alertname"], each["status"]) for each in body["alerts"]))
                headers.append(dict(self.headers))
                self.send_response(statuses.pop(0) if statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}/"


def labels(name, severity, action, environment="production", **more):
    return {
        "labels": {
            "alertname": name, "model": "tiny", "environment": environment, "severity": severity, "action": action, **more,
        }
    }  # fmt: skip


JOB = """<flow-definition><properties>
<org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty><triggers>
<org.jenkinsci.plugins.gwt.GenericTrigger><spec/><genericVariables><org.jenkinsci.plugins.gwt.GenericVariable>
<expressionType>JSONPath</expressionType><key>ALERTS</key><value>$</value></org.jenkinsci.plugins.gwt.GenericVariable>
</genericVariables><token>the-token</token></org.jenkinsci.plugins.gwt.GenericTrigger>
</triggers></org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty></properties>
<definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition"><script>x</script></definition></flow-definition>"""


def test_jenkins_starts_a_build_that_has_the_whole_body(tmp_path, prometheus_programs):
    """The bearer token is the plugin's; the body is one that `alert-hook --once` reads."""
    token = tmp_path / "token"
    token.write_text("the-token\n")
    with FakeJenkins(quiet_period=0) as jenkins:
        jenkins.put("alerts", JOB)
        url = f"{jenkins.url}generic-webhook-trigger/invoke"
        alerts = f"{{hook: {HOOK}}}".replace("http://127.0.0.1:9095/", url).replace("/run/token", str(token))
        with Alertmanager(generated(tmp_path, alerts)) as manager:
            manager.post(labels("JenkinsMLErrorBudgetBurn", "page", "rollback", version="2"))
            wait_until(lambda: jenkins.item("alerts").runs, "a build is started", seconds=30)
    [run] = jenkins.item("alerts").runs.values()
    [given] = [each.value for each in run.parameters if each.name == "ALERTS"]
    [alert] = read(given.encode(), "tiny")
    assert (alert.action, alert.environment, alert.version) == ("rollback", "production", 2)


@pytest.fixture
def hook():
    with Hook() as running:
        yield running


@pytest.fixture
def manager(tmp_path, prometheus_programs, hook):
    token = tmp_path / "token"
    token.write_text("the-token\n")
    alerts = f"{{hook: {HOOK}}}".replace("http://127.0.0.1:9095/", hook.url).replace("/run/token", str(token))
    with Alertmanager(generated(tmp_path, alerts)) as running:
        yield running


def test_the_hook_is_told_at_once_and_with_the_token(manager, hook):
    manager.post(labels("JenkinsMLErrorBudgetBurn", "page", "rollback", version="2"))
    wait_until(lambda: hook.heard, "the hook hears", seconds=10)
    assert hook.heard == [[("JenkinsMLErrorBudgetBurn", "firing")]]
    assert hook.headers[0]["Authorization"] == "Bearer the-token"


def test_what_the_hook_could_not_do_it_is_told_again(manager, hook):
    hook.statuses += [503, 503]
    manager.post(labels("JenkinsMLErrorBudgetBurn", "page", "rollback", version="2"))
    wait_until(lambda: len(hook.heard) == 3, "the hook hears until it has done it", seconds=60)
    assert len({str(each) for each in hook.heard}) == 1


def test_a_page_silences_what_can_wait_of_the_same_environment(manager, hook):
    """Neither people nor the hook hear of it: while nobody is answered, drift says nothing."""
    manager.post(labels("JenkinsMLServerDown", "page", "none"))
    manager.post(
        labels("JenkinsMLInputDrift", "ticket", "retrain"),
        labels("JenkinsMLPredictionDrift", "ticket", "retrain", environment="staging"),
        labels("JenkinsMLErrorBudgetBurn", "page", "rollback", version="2"),
    )
    wait_until(lambda: len(hook.heard) == 2, "the hook hears", seconds=30)
    heard = sorted(name for group in hook.heard for name, _ in group)
    assert heard == ["JenkinsMLErrorBudgetBurn", "JenkinsMLPredictionDrift"]
    state = {each["labels"]["alertname"]: each["status"]["state"] for each in manager.alerts()}
    assert state["JenkinsMLInputDrift"] == "suppressed"
