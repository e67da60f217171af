"""Hypothesis strategies for right configurations, with every part of the `jenkins` section that a file can have."""

import json
import re
from typing import Any

from hypothesis import strategies as st

from jenkins_ml.config.loader import loads
from jenkins_ml.config.model import Config

# Texts that YAML, Groovy and the shell might trip over; no NUL, which no environment can hold, and no U+FFFF, which no
# Jenkinsfile can.
TEXTS = st.text(
    st.one_of(
        st.sampled_from("'\"\\$`{}#:-\n\t é模\U0001f600"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0\uffff"),
    ),
    max_size=12,
)
TEXT = TEXTS.filter(bool)
LINE = TEXT.filter(lambda text: not set(text) & set("\r\n"))
WORD = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
LISTED = st.lists(WORD | WORD.map(lambda word: f"{word}@example.com"), min_size=1, max_size=3)
TIMES = st.integers(1, 10)
COUNTS = st.integers(1, 100_000)
DURATIONS = st.builds(
    lambda number, unit: f"{number}{unit}", st.integers(1, 999), st.sampled_from(["s", "m", "h", "d"])
)
SCHEDULES = st.sampled_from(["H 3 * * *", "@daily", "TZ=Europe/Berlin\nH/15 8-18 * * 1-5\n# at night\n0 2 * * 0"])
RESULTS = st.sampled_from(["failure", "unstable", "success"])
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
SCALARS = {
    int: st.integers(-(2**53), 2**53),
    float: NUMBERS,
    bool: st.booleans(),
    str: TEXT,
}
VALUES = st.one_of(
    *SCALARS.values(), st.none(), st.lists(st.integers(), max_size=2), st.dictionaries(WORD, WORD, max_size=2)
)
DOCKER = st.fixed_dictionaries({"image": WORD}, optional={"label": TEXT, "args": TEXT})
KUBERNETES = st.fixed_dictionaries(
    {"image": WORD},
    optional={
        "cpu": st.sampled_from(["2", "0.5", "500m"]),
        "memory": st.sampled_from(["8Gi", "512Mi", "1.5G"]),
        "gpu": st.integers(0, 4),
        "gpu_resource": st.sampled_from(["nvidia.com/gpu", "amd.com/gpu"]),
        "service_account": WORD,
        "node_selector": st.dictionaries(st.sampled_from(["zone", "kubernetes.io/arch"]), WORD | st.just("")),
        "volumes": st.dictionaries(WORD.map(lambda word: f"/srv/{word}"), WORD, max_size=2),
        "cloud": WORD,
    },
)
MACHINES = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"label": TEXT}),
    st.fixed_dictionaries({"node": st.sampled_from(["ml-1", "ml 2"])}),
)
AGENTS = st.one_of(
    MACHINES, st.fixed_dictionaries({"docker": DOCKER}), st.fixed_dictionaries({"kubernetes": KUBERNETES})
)
INSTALLS = st.one_of(
    st.fixed_dictionaries(
        {"wheel": st.just("https://example.com/a.whl"), "sha256": st.just("0" * 64)}, optional={"requirements": WORD}
    ),
    st.fixed_dictionaries({"git": st.just("https://example.com/a.git"), "tag": st.just("v1.2")}),
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "discard": st.dictionaries(
            st.sampled_from(["builds", "days", "artifact_builds", "artifact_days"]), COUNTS, min_size=1
        ),
        "timestamps": st.booleans(),
        "abort_previous": st.booleans(),
        "skip_after_unstable": st.booleans(),
    },
)
GITLAB = st.sampled_from([{}, {"push": False}, {"push": True, "merge_requests": False}])
TRIGGERS = st.fixed_dictionaries(
    {}, optional={"cron": SCHEDULES, "poll": SCHEDULES, "github": st.just("push"), "gitlab": GITLAB}
).map(lambda kinds: [{kind: value} for kind, value in kinds.items()])
NOTIFY = st.one_of(
    st.fixed_dictionaries({"mail": st.fixed_dictionaries({"to": LISTED})}),
    st.fixed_dictionaries({"slack": st.fixed_dictionaries({"channel": TEXT})}),
    st.fixed_dictionaries(
        {"mail": st.fixed_dictionaries({"to": LISTED}), "slack": st.fixed_dictionaries({"channel": TEXT})},
        optional={
            "on": st.lists(
                st.sampled_from(["failure", "rejection", "rollback", "recovery"]), min_size=1, max_size=4, unique=True
            )
        },
    ),
)
FORGES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["github", "gitlab"]), "credentials": TEXT},
    optional={"api": st.just("https://git.example.com/api/v4"), "repository": st.just("acme/vision/digits")},
)
APPROVALS = st.fixed_dictionaries({}, optional={"message": TEXT, "submitters": LISTED, "timeout": DURATIONS})


def _names(most: int) -> st.SearchStrategy[list[str]]:
    """Names of variables that nobody else needs and that differ by more than case."""
    return st.lists(
        st.from_regex(r"my_[A-Za-z0-9]{1,6}", fullmatch=True), max_size=most, unique_by=lambda name: name.lower()
    )


def _like(value: object) -> st.SearchStrategy[Any]:
    """Scalars of the type of a training parameter."""
    return SCALARS[type(value)]


@st.composite
def _parameters(draw: st.DrawFn, names: list[str], sets: dict[str, Any]) -> list[dict[str, Any]]:
    """One build parameter of each name; some set one of `sets`."""
    parameters = []
    free = dict(sets)
    for name in names:
        kind = draw(st.sampled_from(["string", "text", "boolean", "choice"]))
        parameter: dict[str, Any] = {kind: name}
        if draw(st.booleans()):
            parameter["description"] = draw(TEXTS)
        fitting = [key for key, value in free.items() if kind != "boolean" or isinstance(value, bool | str)]
        key = draw(st.sampled_from([None, *fitting]))
        texts = LINE if kind != "text" else TEXT
        if key is not None:
            parameter["sets"] = key
            value = free.pop(key)
            texts = texts if isinstance(value, str) else _like(value).map(json.dumps)
        if kind == "choice":
            parameter["choices"] = draw(st.lists(texts, min_size=1, max_size=3))
        elif draw(st.booleans()):
            parameter["default"] = draw(st.booleans() if kind == "boolean" else texts)
        parameters.append(parameter)
    return parameters


def _names_a_run(value: Any) -> bool:
    """Whether a value of an axis can stand in the name of a cell's run."""
    return not isinstance(value, str) or (value != "" and re.search(r"[=%\x00-\x1f\x7f]", value) is None)


@st.composite
def _matrices(draw: st.DrawFn, keys: dict[str, Any]) -> dict[str, Any]:
    """A matrix of some keys of train.params."""
    chosen = draw(st.lists(st.sampled_from(sorted(keys)), min_size=1, max_size=3, unique=True))
    # 0.0 and -0.0 are two texts and one number; an empty text is no value to Jenkins.
    axes = {
        key: draw(st.lists(_like(keys[key]).filter(_names_a_run), min_size=1, max_size=4, unique=True))
        for key in chosen
    }
    matrix: dict[str, Any] = {"axes": axes}
    others = [(key, value) for key, values in axes.items() for value in values[1:]]
    if others and draw(st.booleans()):
        matrix["exclude"] = [dict([pair]) for pair in draw(st.lists(st.sampled_from(others), min_size=1, max_size=2))]
    if draw(st.booleans()):
        matrix["fail_fast"] = draw(st.booleans())
    return matrix


@st.composite
def jenkins_sections(draw: st.DrawFn, params: dict[str, Any], *, tested: bool) -> dict[str, Any]:
    """A right `jenkins` section for a file.

    Args:
        params: its train.params.
        tested: whether it has a section `test`.
    """
    stages = ["test", "train", "gate", "serve"][not tested :]
    section: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "style": st.sampled_from(["standalone", "library"]),
                "library": st.fixed_dictionaries({}, optional={"name": WORD, "version": st.just("v1.0")}),
                "install": INSTALLS,
                "multibranch": st.booleans(),
                "agent": AGENTS,
                "agents": st.fixed_dictionaries({}, optional=dict.fromkeys(stages[:-1], AGENTS)),
                "timeout": DURATIONS,
                "options": OPTIONS,
                "triggers": TRIGGERS,
                "retry_lost_agent": TIMES,
                "results": st.fixed_dictionaries(
                    {}, optional={"rejected": RESULTS, "inconclusive": RESULTS, "rolled_back": RESULTS}
                ),
                "approval": APPROVALS,
                "notify": NOTIFY,
                "forge": FORGES,
                "rollback_job": st.booleans(),
            },
        )
    )
    if draw(st.booleans()) or {"docker", "kubernetes"} & set(section.get("agent", {})):
        section["agents"] = {**section.get("agents", {}), "serve": draw(MACHINES)}
    names = draw(_names(6))
    cuts = sorted(draw(st.tuples(st.integers(0, len(names)), st.integers(0, len(names)))))
    scalars = {key: value for key, value in params.items() if type(value) in SCALARS}
    if scalars and draw(st.booleans()):
        section["matrix"] = draw(_matrices(scalars))
    elif tested:
        section["test_beside_train"] = draw(st.booleans())
    free = {key: value for key, value in scalars.items() if key not in section.get("matrix", {}).get("axes", {})}
    section["parameters"] = draw(_parameters(names[: cuts[0]], free))
    section["environment"] = {name: draw(TEXTS) for name in names[cuts[0] : cuts[1]]}
    credential = st.one_of(
        TEXT,
        st.fixed_dictionaries(
            {"id": TEXT}, optional={"stages": st.lists(st.sampled_from(stages), min_size=1, max_size=2)}
        ),
    )
    section["credentials"] = {name: draw(credential) for name in names[cuts[1] :]}
    return section


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A right configuration as the values of its file."""
    names = draw(_names(4))
    params = {name: draw(VALUES) for name in names}
    document: dict[str, Any] = {
        "model": draw(WORD),
        "data": {"load": "data:load"},
        "train": {"entrypoint": "model:train", "params": params},
    }
    tested = draw(st.booleans())
    if tested:
        document["test"] = draw(st.fixed_dictionaries({"command": TEXT}, optional={"timeout": DURATIONS}))
    if draw(st.booleans()):
        document["serve"] = draw(st.fixed_dictionaries({}, optional={"environment": WORD, "release_branch": TEXT}))
    document["jenkins"] = draw(jenkins_sections(params, tested=tested))
    return document


def configurations() -> st.SearchStrategy[tuple[str, Config]]:
    """Right configurations: the text of jenkins-ml.yaml, and what it says."""
    return documents().map(yaml_text).map(lambda text: (text, loads(text)))


def yaml_text(document: dict[str, Any]) -> str:
    """A document as a person would write it: sections indented, everything else on a line."""
    return "\n".join(_block(document, "")) + "\n"


def _block(section: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for key, value in section.items():
        if isinstance(value, dict) and value:
            lines += [f"{indent}{on_one_line(key)}:", *_block(value, f"{indent}  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{indent}{on_one_line(key)}:", *(f"{indent}- {on_one_line(item)}" for item in value)]
        else:
            lines.append(f"{indent}{on_one_line(key)}: {on_one_line(value)}")
    return lines


def on_one_line(value: Any) -> str:
    """A document as YAML on one line."""
    if isinstance(value, str):
        return f'"{"".join(_escaped(character) for character in value)}"'
    if isinstance(value, dict):
        return f"{{{', '.join(f'{on_one_line(key)}: {on_one_line(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(on_one_line, value))}]"
    return json.dumps(value)


def _escaped(character: str) -> str:
    plain = character.isascii() and character.isprintable() and character not in '"\\'
    return character if plain else f"\\U{ord(character):08x}"
