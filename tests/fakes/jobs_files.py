"""Hypothesis strategies for folders and jobs as jobs.yaml describes them, with every key that a type has."""

import json
import re
from typing import Any

from hypothesis import strategies as st

from jenkins_ml.config.jobs import TYPES, AnyItem, item_name

# What XML, Groovy, a shell and a terminal might trip over, and what XML can carry at all.
_HOSTILE = "'\"\\$`{}#:-\n\t <>&;]é模\U0001f600\x85\u2028\u202e"
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "false",
            "0",
            "-1",
            "true",
            " ",
            " x ",
            "x\n",
            "\n\nx",
            "]]>",
            "&amp;",
            "{AQAAABAAAAAQ9xyz}",
            "********",
            "https://u:p@h/",
            "${X}",
        ]
    ),
    st.text(
        st.one_of(
            st.sampled_from(_HOSTILE),
            st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
        ),
        max_size=12,
    ),
)
# What nobody can keep apart from a text: see rendering and the marker.
LINES = TEXTS.filter(lambda text: text and not set(text) & set("\r\n\x85\u2028"))
WORDS = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
BRANCHES = st.lists(st.sampled_from(["main", "release/*", "v1.*", "wip-*", "模"]), max_size=2, unique=True)
COUNTS = st.none() | st.integers(1, 100)
SCHEDULES = st.sampled_from(["H 3 * * *", "@daily", "TZ=Europe/Berlin\nH/15 8-18 * * 1-5\n# at night\n0 2 * * 0"])
ADDRESSES = st.sampled_from(["https://git.example.com/a.git", "git@h:a/b.git", "ssh://git@h/x?a&b", "/srv/git/ä b.git"])
PARAMETERS = ["A", "B", "DATASET", "order", "X_1"]


def _name(text: str) -> bool:
    try:
        item_name(text)
    except ValueError:
        return False
    return True


NAMES = st.one_of(
    WORDS,
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8).filter(_name),
    st.sampled_from(["with blank", "100 percent", "a+b", "'quoted'", '"x"', "~x", "a=b", "模型", "é", "login", "job"]),
)


def _some(required: dict[str, Any] | None = None, /, **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required or {}, optional=optional)


def _parameter(name: str) -> st.SearchStrategy[dict[str, Any]]:
    said = {"description": TEXTS}
    return st.one_of(
        _some({"string": st.just(name)}, default=LINES, **said),
        _some({"text": st.just(name)}, default=TEXTS, **said),
        _some({"boolean": st.just(name)}, default=st.booleans(), **said),
        _some({"choice": st.just(name), "choices": st.lists(LINES, min_size=1, max_size=3, unique=True)}, **said),
    )


def _many(names: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.tuples(*map(_parameter, names)).map(list)


_TRIGGERS = {
    "cron": SCHEDULES,
    "poll": SCHEDULES,
    "github": st.just("push"),
    "gitlab": st.sampled_from([{}, {"push": False}, {"merge_requests": False}]),
    "webhook": _some(
        {"token_credentials": WORDS},
        variables=st.dictionaries(st.sampled_from(["ref", "who"]), LINES, max_size=2),
        cause=LINES,
    ),
    "upstream": _some(
        {"jobs": st.lists(st.sampled_from(["a/b", "c", "模/x y"]), min_size=1, max_size=2, unique=True)},
        result=st.sampled_from(["success", "unstable", "failure"]),
    ),
}


def _triggers(kinds: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.tuples(*(st.fixed_dictionaries({kind: _TRIGGERS[kind]}) for kind in kinds)).map(list)


RETENTIONS = st.fixed_dictionaries(dict.fromkeys(("keep", "days", "artifact_keep", "artifact_days"), COUNTS)).filter(
    lambda value: any(value.values())
)
_HEAD = {"display_name": LINES, "description": TEXTS}
_JOB = {**_HEAD, "disabled": st.booleans()}
_SCM = _some(
    {"git": ADDRESSES}, branch=st.sampled_from(["main", "*/x", "refs/tags/v*"]), credentials=WORDS, depth=COUNTS
)
_PIPELINE = {
    **_JOB,
    "parameters": st.lists(st.sampled_from(PARAMETERS), max_size=3, unique=True).flatmap(_many),
    "discard": RETENTIONS,
    "concurrent": st.sampled_from(["allow", "queue", "abort_previous"]),
    "quiet_period": st.sampled_from(["0s", "1s", "7s"]),
}
_NO_POLL = [kind for kind in _TRIGGERS if kind != "poll"]
_SOURCE = {"credentials": WORDS, "depth": COUNTS, "tags": st.booleans(), "include": BRANCHES, "exclude": BRANCHES}
_FORGE = {
    **_SOURCE,
    "ssh_credentials": WORDS,
    "branches": st.sampled_from(["all", "without_request", "with_request"]),
    "pull_requests": st.sampled_from(["merge", "head", "both", "none"]),
    "forks": _some(
        build=st.sampled_from(["merge", "head", "both"]), trust=st.sampled_from(["nobody", "permission", "everyone"])
    ),
}
FOLDERS = _some({"type": st.just("folder")}, **_HEAD)
PIPELINES = st.one_of(
    _some(
        {"type": st.just("pipeline"), "scm": _SCM},
        script=LINES,
        lightweight=st.booleans(),
        triggers=st.lists(st.sampled_from([*_TRIGGERS]), max_size=3, unique=True).flatmap(_triggers),
        **_PIPELINE,
    ),
    _some(
        {"type": st.just("pipeline"), "inline": TEXTS},
        sandbox=st.booleans(),
        triggers=st.lists(st.sampled_from(_NO_POLL), max_size=3, unique=True).flatmap(_triggers),
        **_PIPELINE,
    ),
)
MULTIBRANCHES = _some(
    {
        "type": st.just("multibranch"),
        "scm": st.one_of(
            _some({"git": ADDRESSES}, **_SOURCE),
            _some(
                {"github": st.sampled_from(["acme/x", "a/0"])}, api=st.just("https://g.example.com/api/v3"), **_FORGE
            ),
            _some({"gitlab": st.sampled_from(["g/x", "g/s/y"])}, server=LINES, **_FORGE),
        ),
    },
    script=LINES,
    scan=st.none() | st.sampled_from(["5m", "1h", "1d", "14d"]),
    orphans=_some(keep=COUNTS, days=COUNTS, remove=st.booleans(), abort=st.booleans()),
    **_JOB,
)
RELEASES = _some(
    {"type": st.sampled_from(["promote", "rollback", "monitor"]), "scm": _SCM},
    store=st.just("/srv/models"),
    variables=st.dictionaries(st.sampled_from(["REGION", "ZONE"]), LINES, max_size=2),
    credentials=st.dictionaries(st.sampled_from(["KEY", "PASS"]), WORDS, max_size=2),
    discard=RETENTIONS,
    **_JOB,
)
KINDS = {"folder": FOLDERS, "pipeline": PIPELINES, "multibranch": MULTIBRANCHES, "release": RELEASES}
VALUES = st.one_of(*KINDS.values())


def yaml(value: Any) -> str:
    """A value as YAML: JSON, but for characters that JSON escapes in two halves."""
    halves = r"\\u(d[89ab]..)\\u(d[c-f]..)"
    return re.sub(halves, lambda match: f"\\U{_character(match[0]):08x}", json.dumps(value))


def _character(escaped: str) -> int:
    return ord(json.loads(f'"{escaped}"'))


def item(value: dict[str, Any], name: str = "x") -> AnyItem:
    """What jobs.yaml makes of it."""
    return TYPES[value["type"]].model_validate({**value, "name": name})


ITEMS = VALUES.map(item)
