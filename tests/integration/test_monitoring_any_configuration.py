"""Whatever a right configuration says: promtool and amtool take the files, and promtool the queries of the dashboards."""

import json
import re
import string
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from jenkins_ml.config.loader import loads
from jenkins_ml.rendering.monitoring import alertmanager, rules, scrape
from jenkins_ml.rendering.monitoring.files import files
from tests.fakes import grafana
from tests.fakes.configurations import LINE, yaml_text

pytestmark = [pytest.mark.prometheus, pytest.mark.xdist_group("prometheus")]

CHOSEN = {"environment": "production", "version": ["1", "2"], "measure": "psi", "model": ".*"}
# Each example is three runs of programs, about 0.2 s of CPU together.
EXAMPLES = 25

ENDS, INSIDE = string.ascii_lowercase + string.digits, string.ascii_lowercase + string.digits + "._-"
NAMES = st.one_of(
    st.builds(lambda first, rest, last: first + rest + last, *map(st.text, (ENDS, INSIDE, ENDS)))
    .filter(bool)
    .map(lambda name: name[:63].rstrip("._-") or "a")
    .map(lambda name: name.lstrip("._-") or "a"),
    st.sampled_from(["0", "9" * 63, "a" + "." * 61 + "b", "a--b__c..d", "true", "1e3", "pipeline", "dashboard"]),
)
DURATIONS = st.builds(
    lambda number, unit: f"{number}{unit}",
    st.one_of(st.integers(1, 999_999), st.floats(0.5, 99).map(lambda number: f"{number:.3f}")),
    st.sampled_from(["ms", "s", "m", "h", "d"]),
)
HOSTS = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,8}[a-z0-9])?", fullmatch=True), st.sampled_from(["[::1]", "a_b"])
)
URLS = st.builds(
    lambda scheme, host, port, path: f"{scheme}://{host}{port}{path}",
    st.sampled_from(["http", "https"]),
    HOSTS,
    st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}")),
    st.sampled_from(["", "/", "/a/b/", "/%20'$x"]),
)
PORTS = st.integers(0, 65535)
PEOPLE = st.fixed_dictionaries(
    {}, optional={"email": LINE.map("a@b".__add__), "slack_url_file": LINE, "pagerduty_key_file": LINE}
).filter(bool)
KINDS = st.one_of(
    st.fixed_dictionaries({"target": st.just("local")}, optional={"rest_port": PORTS}),
    st.fixed_dictionaries(
        {"target": st.just("docker")},
        optional={
            "docker": st.fixed_dictionaries(
                {},
                optional={
                    "metrics_port": PORTS,
                    "bind": st.sampled_from(["0.0.0.0", "::", "10.0.0.1", "fd00::1"]),
                    "host": st.one_of(
                        LINE, st.sampled_from(["tcp://[fd00::1]:2376", "tcp://engine:2376", "ssh://me@a"])
                    ),
                },
            )
        },
    ),
    st.fixed_dictionaries(
        {"target": st.just("kubernetes")},
        optional={"kubernetes": st.fixed_dictionaries({}, optional={"namespace": st.just("ml-1")})},
    ),
)
NUMBERS = st.floats(1e-9, 1e9)
METRICS = st.dictionaries(
    st.sampled_from(["accuracy", "loss", "f1", "roc_auc", "recall"]),
    st.fixed_dictionaries({}, optional={"min": NUMBERS, "max": NUMBERS}).filter(
        lambda limits: limits and limits.get("min", 0) <= limits.get("max", 1e9)
    ),
    max_size=3,
)
MONITORS = st.fixed_dictionaries(
    {},
    optional={
        "slo": st.fixed_dictionaries(
            {},
            optional={
                "availability": st.floats(0.5, 1, exclude_max=True),
                "latency_p99_ms": NUMBERS,
                "period": DURATIONS,
                "min_failures": st.integers(1, 1_000_000),
            },
        ),
        "stale": st.fixed_dictionaries({}, optional={key: st.none() | DURATIONS for key in ("release", "training")}),
        "scrape_interval": DURATIONS,
        "prometheus": st.fixed_dictionaries({"url": URLS}, optional={"token_file": LINE}),
        "pipeline": st.fixed_dictionaries({"pushgateway": URLS}) | st.fixed_dictionaries({"textfile": LINE}),
        "alerts": st.fixed_dictionaries(
            {},
            optional={
                "page": PEOPLE,
                "ticket": PEOPLE,
                "hook": st.fixed_dictionaries({"url": URLS, "token_file": LINE}, optional={"retrain_job": LINE}),
            },
        ),
        "logs": st.fixed_dictionaries({"directory": LINE}),
    },
)


@st.composite
def configurations(draw):
    """The text of a jenkins-ml.yaml that is watched, with up to three environments."""
    own = draw(KINDS)
    others = draw(st.dictionaries(NAMES, KINDS, max_size=2))
    kind = draw(st.sampled_from(["tensorflow-serving", "jenkins-ml"]))
    image = {"image": "x:1"} if kind == "jenkins-ml" else {}
    serve = {**own, "environment": draw(NAMES), "environments": others, "server": {"kind": kind, **image}}
    document = {
        "model": draw(NAMES),
        "data": {"load": "data:load"},
        "train": {"entrypoint": "model:train"},
        "gate": {"metrics": draw(METRICS)},
        "serve": serve,
        "monitor": draw(MONITORS),
    }
    return yaml_text(document)


def told(*command):
    """What a program has to say against its files; "" for nothing."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def reachable(text):
    """The jobs of the file that Debian's Prometheus can read: it is built without the discovery of Kubernetes."""
    head, *jobs = re.split(r"(?m)^(?=  - job_name)", text)
    return head + "".join(job for job in jobs if "kubernetes_sd_configs" not in job)


def queries(made):
    """Every query of every dashboard as a rule, so that promtool reads it."""
    boards = [json.loads(text) for name, text in made.items() if "/dashboards/" in name and name.endswith(".json")]
    found = [grafana.interpolated(each.expr, CHOSEN) for board in boards for each in grafana.asked(board)]
    asked = [{"record": f"query:{number}", "expr": expr} for number, expr in enumerate(found)]
    return json.dumps({"groups": [{"name": "dashboards", "rules": asked}]})  # JSON is YAML


# Without shrinking: each step of it runs the programs again, and what they say names the line.
@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(text=configurations())
def test_every_program_takes_what_is_generated(prometheus_programs, text):
    made = files(loads(text))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules.yaml").write_text(made[rules.FILE])
        (folder / "dashboards.yaml").write_text(queries(made))
        (folder / "prometheus.yml").write_text(reachable(made[scrape.FILE]))
        (folder / "alertmanager.yaml").write_text(made[alertmanager.FILE])
        promtool = prometheus_programs["promtool"]
        assert told(promtool, "check", "rules", folder / "rules.yaml", folder / "dashboards.yaml") == ""
        assert told(promtool, "check", "config", "--syntax-only", folder / "prometheus.yml") == ""
        assert told(prometheus_programs["amtool"], "check-config", folder / "alertmanager.yaml") == ""
    for file, content in made.items():
        if file.endswith((".json", ".ndjson")):
            for line in content.splitlines() if file.endswith(".ndjson") else [content]:
                json.loads(line)
        elif file.endswith((".yaml", ".yml")):
            list(YAML(typ="safe").load_all(content))
