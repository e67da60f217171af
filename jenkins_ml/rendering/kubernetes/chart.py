"""The Helm chart of a model: the objects that we would apply ourselves, with Helm's expressions for what a release decides.

Everything that jenkins-ml.yaml decides stands in the templates as it is. They are made by rendering the objects with marks in the place
of numbers and images, numbers that occur nowhere else, and putting expressions in their place: so no object is written down twice.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from jenkins_ml.config import patterns
from jenkins_ml.config.gitops import FOLDER, MOST, MOST_REPLICAS
from jenkins_ml.rendering.kubernetes.objects import Object, Objects
from jenkins_ml.rendering.kubernetes.pod import Version
from jenkins_ml.rendering.kubernetes.release import (
    ALSO_BESIDE,
    ARGO_CANARY,
    NOT_BESIDE,
    NOTES,
    default_image,
    default_replicas,
)
from jenkins_ml.rendering.kubernetes.text import scalar, text

CHARTS: Final = "deploy/helm"
OLDEST: Final = "1.30"  # whose API server knows all fields of our objects
_MADE: Final = "Made by jenkins-ml from jenkins-ml.yaml: what is edited here stays, and is merged."
_STABLE: Final = "{{ int64 $.Values.stable }}"
_CANARY: Final = "{{ int64 $.Values.canary }}"
_WEIGHT: Final = "{{ int64 $.Values.weight }}"


def chart(model: str, environments: Sequence[Objects], default: str) -> dict[str, str]:
    """The chart.

    Args:
        model: its name, and the chart's.
        environments: what serves each of them, at least one.
        default: the environment that a release is for when its values name none.

    Returns:
        relative file name -> text.
    """
    known = [each.environment for each in environments]
    files = {
        "Chart.yaml": _about(model),
        "values.yaml": _values(known, default),
        "values.schema.json": json.dumps(_schema(known, default), indent=2) + "\n",
        # An underscore: no environment has such a name.
        "templates/_checks.tpl": _checks(model),
        **{f"templates/{each.environment}.yaml": _Template(each).text() for each in environments},
    }
    return {f"{CHARTS}/{model}/{name}": content for name, content in files.items()}


def _about(model: str) -> str:
    about = {
        "apiVersion": "v2",
        "name": model,
        "description": f"Serves {model}",
        "type": "application",
        "version": "1.0.0",
        "kubeVersion": f">={OLDEST}.0-0",
    }
    return f"# {_MADE}\n{text(about)}"


def _values(known: Sequence[str], default: str) -> str:
    return f"""\
# {_MADE}
# A release is other values, such as those of {FOLDER}/{default}.yaml:
#   helm upgrade --install RELEASE FOLDER_OF_THIS_CHART -f {FOLDER}/{default}.yaml
environment: {scalar(default)}  # {", ".join(known)}
versions: []  # each: version, manifest_digest; image, beside, replicas, commit, run, build, by
stable: null  # the version in production, once it is ready
canary: null  # the version that gets a share of its traffic
weight: 0  # that share in percent
"""


def _schema(known: Sequence[str], default: str) -> dict[str, Any]:
    """What values may be, as JSON Schema; the same as config/gitops.py takes."""
    number = {"type": "integer", "minimum": 1, "maximum": MOST}
    line = {"type": ["string", "null"], "minLength": 1}
    properties = {
        "version": number,
        "manifest_digest": {"type": "string", "pattern": patterns.SHA256},
        "image": {"type": ["string", "null"], "pattern": patterns.IMAGE_REFERENCE},
        "beside": {**number, "type": ["integer", "null"]},
        "replicas": {"type": ["integer", "null"], "minimum": 1, "maximum": MOST_REPLICAS},
        "commit": line,
        "run": line,
        "build": line,
        "by": line,
    }
    version = {
        "type": "object",
        "properties": properties,
        "required": ["version", "manifest_digest"],
        "additionalProperties": False,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "environment": {"enum": list(known), "default": default},
            "versions": {"type": "array", "items": version},
            "stable": {**number, "type": ["integer", "null"]},
            "canary": {**number, "type": ["integer", "null"]},
            "weight": {"type": "integer", "minimum": 0, "maximum": 100},
            "global": {"type": "object"},
        },
        "additionalProperties": False,
    }


def _checks(model: str) -> str:
    """What no schema can say; renders to nothing."""
    checks = [
        f"{{{{- define {_named(model)} }}}}",
        "{{- $known := list }}",
        "{{- range .Values.versions }}",
        *_fail("has (int64 .version) $known", "version %d is listed twice", "(int64 .version)"),
        *_fail("eq (int64 (.beside | default 0)) (int64 .version)", "version %d is beside itself", "(int64 .version)"),
        "{{- $known = append $known (int64 .version) }}",
        "{{- end }}",
        "{{- range list .Values.stable .Values.canary }}",
        "{{- if . }}",
        *_fail("not (has (int64 .) $known)", "version %d is not in `versions`", "(int64 .)"),
        "{{- end }}",
        "{{- end }}",
        "{{- if .Values.canary }}",
        *_fail("not .Values.stable", "there is no `stable` version whose traffic the canary could share"),
        *_fail("eq (int64 .Values.canary) (int64 .Values.stable)", "`canary` is the stable version"),
        "{{- else }}",
        *_fail(".Values.weight", "there is no `canary` that could get the weight"),
        "{{- end }}",
        "{{- end }}",
    ]
    return f"{{{{- /* {_MADE} */}}}}\n" + "".join(f"{line}\n" for line in checks)


def _named(model: str) -> str:
    """What the checks are called; such names are common to a chart and those that it is a part of."""
    return json.dumps(f"{model}.checks")


def _canary_checks(traffic: str) -> Iterator[str]:
    if traffic == "argo-rollouts":
        yield from _fail(".Values.canary", ARGO_CANARY)
    elif traffic == "replicas":
        numbers = ("(int64 .version)", "(int64 $.Values.stable)")
        beside = "(int64 (.beside | default 0)) (int64 $.Values.stable)"
        yield "{{- if and .Values.canary (ne (int64 .Values.canary) (int64 .Values.stable)) }}{{- range .Values.versions }}"
        yield "{{- if eq (int64 .version) (int64 $.Values.canary) }}"
        yield from _fail(f"ne {beside}", NOT_BESIDE, *numbers)
        yield "{{- else }}"
        yield from _fail(f"eq {beside}", ALSO_BESIDE, *numbers)
        yield "{{- end }}"
        yield "{{- end }}{{- end }}"


def _fail(condition: str, message: str, *arguments: str) -> list[str]:
    words = " ".join((json.dumps(message), *arguments))
    return [f"{{{{- if {condition} }}}}{{{{ fail (printf {words}) }}}}{{{{ end }}}}"]


class _Template:
    """The template of one environment.

    Args:
        objects: what serves it.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        plain = text({"items": list(_samples(objects, Version(**_PLAIN), 2, 3, 4))})
        # A 9 at the start and nowhere else: no two of them, and no text beside one, form another.
        numbers = (number for number in itertools.count(900_000_000) if _is_mark(number, plain))
        self._version, self._beside, self._replicas, self._stable, self._canary, self._weight, image, *notes = (
            itertools.islice(numbers, 7 + len(NOTES))
        )
        self._image = f"image-{image}"
        self._notes = {key: f"note-{number}" for key, number in zip(NOTES, notes, strict=True)}
        self._marked = Version(
            version=self._version,
            image=self._image,
            stable=self._beside,
            replicas=self._replicas,
            notes={NOTES[key]: mark for key, mark in self._notes.items()},
        )

    def text(self) -> str:
        """The whole file."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        objects, kubernetes = self._objects, self._objects.serve.kubernetes
        yield f"{{{{- /* {_MADE} */}}}}"
        yield f"{{{{- if eq .Values.environment {json.dumps(objects.environment)} }}}}"
        yield f"{{{{- include {_named(objects.model)} . | trim }}}}"
        yield from _canary_checks(kubernetes.traffic)
        for thing in objects.shared():
            yield from self._document(thing)
        yield "{{- range .Values.versions }}"
        if kubernetes.traffic == "argo-rollouts":
            yield "{{- if eq (int64 .version) (int64 ($.Values.stable | default 0)) }}"
            yield from self._document(objects.rollout(self._marked))
            yield "{{- end }}"
        else:
            if kubernetes.traffic == "httproute":
                yield from self._document(objects.version_service(self._marked))
            yield from self._document(objects.deployment(self._marked))
        yield "{{- end }}"
        yield from self._service()
        yield from self._only_with_stable()
        yield "{{- end }}"

    def _service(self) -> Iterator[str]:
        objects, traffic = self._objects, self._objects.serve.kubernetes.traffic
        bare = objects.service(None)
        yield from self._document(bare)
        if traffic == "httproute":
            return
        yield "{{- if .Values.stable }}"
        if traffic == "argo-rollouts":
            yield from self._added(bare, objects.service(objects.selector_of_all()))
        else:
            yield "{{- if or (not .Values.canary) (eq (int64 .Values.weight) 0) }}"
            yield from self._added(bare, objects.service(objects.selector(self._stable, None, 0)))
            yield "{{- else if eq (int64 .Values.weight) 100 }}"
            yield from self._added(bare, objects.service(objects.selector(self._stable, self._canary, 100)))
            yield "{{- else }}"
            yield from self._added(bare, objects.service(objects.selector(self._stable, self._canary, 50)))
            yield "{{- end }}"
        yield "{{- end }}"

    def _only_with_stable(self) -> Iterator[str]:
        objects = self._objects
        routed = objects.serve.kubernetes.traffic == "httproute"
        scaled = objects.autoscaler(self._stable)
        if not routed and scaled is None:
            return
        yield "{{- if .Values.stable }}"
        if routed:
            yield "{{- if .Values.canary }}"
            yield from self._document(objects.route(self._stable, self._canary, self._weight))
            yield "{{- else }}"
            yield from self._document(objects.route(self._stable, None, 0))
            yield "{{- end }}"
        if scaled is not None:
            yield from self._document(scaled)
        yield "{{- end }}"

    def _document(self, thing: Object) -> Iterator[str]:
        yield "---"
        for line in text(thing).splitlines():
            yield from self._expressed(line)

    def _added(self, bare: Object, whole: Object) -> Iterator[str]:
        """The lines that an object has behind those of another one."""
        before, after = text(bare), text(whole)
        if not after.startswith(before):
            raise AssertionError("what is added to an object stands at its end")
        for line in after[len(before) :].splitlines():
            yield from self._expressed(line)

    def _expressed(self, line: str) -> Iterator[str]:
        """A line of YAML with Helm's expressions instead of marks; only where there is a value, if there may be none."""
        written = line.replace("{{", '{{ "{{" }}')
        for mark, expression in self._expressions().items():
            written = written.replace(mark, expression)
        condition = self._condition(line)
        if condition is None:
            yield written
        else:
            yield f"{{{{- if {condition} }}}}"
            yield written
            yield "{{- end }}"

    def _expressions(self) -> Mapping[str, str]:
        replicas = default_replicas(self._objects.serve)
        return {
            str(self._version): "{{ int64 .version }}",
            str(self._beside): "{{ int64 .beside }}",
            str(self._replicas): f"{{{{ int64 ({_default('.replicas', replicas)}) }}}}",
            str(self._stable): _STABLE,
            str(self._canary): _CANARY,
            # The route gives the rest to stable.
            str(100 - self._weight): "{{ sub 100 (int64 $.Values.weight) }}",
            str(self._weight): _WEIGHT,
            self._image: f"{{{{ {self._default_image()} | quote }}}}",
            **{mark: f"{{{{ .{key} | quote }}}}" for key, mark in self._notes.items()},
        }

    def _condition(self, line: str) -> str | None:
        """What has to be given for a line to stand there; None for nothing."""
        if str(self._beside) in line:
            return ".beside"
        if str(self._replicas) in line and default_replicas(self._objects.serve) is None:
            return ".replicas"
        optional = (key for key, mark in self._notes.items() if mark in line and key != "manifest_digest")
        return next((f".{key}" for key in optional), None)

    def _default_image(self) -> str:
        mark = self._version
        image = default_image(self._objects.serve, mark)
        if str(mark) not in image:
            return f".image | default {json.dumps(image)}"
        return f".image | default (printf {json.dumps(image.replace(str(mark), '%d'))} (int64 .version))"


_PLAIN: Final[Mapping[str, Any]] = {"version": 1, "image": "image", "stable": None, "replicas": 1, "notes": {}}


def _samples(objects: Objects, version: Version, stable: int, canary: int, weight: int) -> Iterator[Object]:
    """All that the configuration can make stand in a template."""
    yield from objects.shared()
    yield objects.service(objects.selector(stable, canary, weight))
    yield objects.deployment(version)
    yield objects.version_service(version)
    yield objects.rollout(version)
    if objects.serve.kubernetes.gateway is not None:
        yield objects.route(stable, canary, weight)


def _is_mark(number: int, text: str) -> bool:
    """Whether a number can be found again; where it is a weight, what it leaves of 100, too."""
    return str(number).count("9") == 1 and str(number) not in text and str(100 - number) not in text


def _default(value: str, default: int | None) -> str:
    return value if default is None else f"{value} | default {default}"
