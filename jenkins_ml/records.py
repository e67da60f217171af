"""The frozen values that cross processes, and how they become JSON and come back.

A record is one JSON object with its kind in `"record"` ("manifest/1"). Written canonically (sorted keys, two blanks,
one newline at the end), so that equal records have equal bytes and equal digests. Laws, held by tests/property:
`decode(encode(r)) == r` and `encode(decode(b)) == b` for bytes that `encode` wrote.

Reading is strict: a kind or version that this code does not know, a missing field, an unknown field or a value of
another type is refused with a message that names the field. A field added within a version has a default, so files
written before it stay readable; anything else is a new version.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, TypeVar

from jenkins_ml.errors import IntegrityError

_LATER: Final = "later"


def _later(default: Any) -> Any:
    """A field that came after its record's first version: not written where it has its default.

    So what was written before has the same bytes when it is written again, and is still read by those who wrote it.
    """
    return field(default=default, metadata={_LATER: True})


Verdict = Literal["approved", "rejected", "inconclusive"]
Outcome = Literal["passed", "failed", "inconclusive", "warned", "skipped"]
Number = float | None


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file of a version: POSIX path relative to the version, bytes, SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One input or output: name, NumPy dtype name ("float32", "str"), shape with None where any size goes."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a model takes and answers, sorted by name."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The checkout that a run works on; branch None when detached or outside git, sha None outside git."""

    sha: str | None
    branch: str | None
    dirty: bool


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where a version comes from.

    Args:
        commit: the checkout it was trained in.
        data_digest: digest of the evaluation split (see adapters/user_data.py for how it is made).
        training: the entrypoint ("model:train") or the command that trained it.
        params: the training parameters.
        environment: name -> version of Python and of the libraries that made it.
        run: the run that made it.
        built_by: URL of the build, or "user@host" outside Jenkins.
        compared_with: the version in production when it was trained; None for a first one.
    """

    commit: Commit
    data_digest: str
    training: str
    params: Mapping[str, Any]
    environment: Mapping[str, str]
    run: str
    built_by: str
    compared_with: int | None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a version is. `artefact_digest` covers the files, the manifest's own digest covers everything."""

    RECORD: ClassVar[str] = "manifest/1"
    model: str
    version: int
    created: str  # RFC 3339, UTC
    framework: str
    artefact_digest: str
    files: tuple[FileEntry, ...]
    signature: Signature
    metrics: Mapping[str, float]  # of the evaluation split, as measured when it was trained
    curves: Mapping[str, tuple[float, ...]]  # one value an epoch, as the framework names them
    lineage: Lineage


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions of one artefact on one data set, computed once; the arrays lie beside it in `file`."""

    RECORD: ClassVar[str] = "predictions/1"
    artefact_digest: str
    data_digest: str
    file: FileEntry
    count: int


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """The first stage of a run writes it; every later stage must be on the same commit."""

    RECORD: ClassVar[str] = "run/1"
    run: str
    model: str
    commit: Commit
    created: str


@dataclass(frozen=True, kw_only=True)
class Tested:
    """The test stage passed."""

    RECORD: ClassVar[str] = "test/1"
    run: str
    command: str
    seconds: float
    created: str


@dataclass(frozen=True, kw_only=True)
class VersionRef:
    """One version, exactly: its number and the digest of its manifest."""

    version: int
    manifest_digest: str


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The train stage made a version; `branch` is None for the release branch, else it lies under branches/."""

    RECORD: ClassVar[str] = "train/1"
    run: str
    candidate: VersionRef
    branch: str | None
    data_digest: str
    created: str


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One thing the gate looked at, and what it found.

    Args:
        name: unique in the decision, such as "accuracy min" or "accuracy max_regression".
        metric: the metric it is about ("accuracy"); "model" for conditions beside the metrics.
        kind: the limit's key ("min", "max_regression"), for one that only warns with "warn_" before it; "missing" for
            a slice that is not there, "size" for one with too few examples; or what is looked at beside the metrics.
        outcome: what it came to; "skipped" only where there is nothing to compare with.
        candidate: the candidate's number; None where it has none (and then it did not pass).
        baseline: production's number on the same examples; None without a baseline.
        limit: the number it was held against.
        low, high: the interval that decided: of the metric, or of candidate - baseline for a comparison;
            None where the point value decides.
        count: how many examples it rests on.
        needed: for an inconclusive one, how many examples would about settle it; else None.
        reason: one sentence with the numbers in it.
    """

    name: str
    metric: str
    kind: str
    outcome: Outcome
    candidate: Number
    baseline: Number
    limit: Number
    low: Number
    high: Number
    count: int
    needed: int | None
    reason: str
    slice: str = _later("")  # which examples it is about, such as "country=DE"; empty for all of them
    lower_is_better: bool = _later(default=False)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One metric of both versions on the same examples.

    Args:
        metric: its name in the configuration, or the metric's own.
        slice: which examples, such as "country=DE"; empty for all of them.
        count: how many examples it rests on.
        candidate, baseline: the values; None where the examples do not define them, or without a baseline.
        candidate_low, candidate_high, baseline_low, baseline_high: what the value is not below and not above.
        difference: candidate - baseline.
        low, high: what the difference is not below and not above.
        error: how far the method itself may have moved each value; 0 for an exact one.

    Each bound holds by itself with the decision's confidence; None where the examples tell nothing.
    """

    metric: str
    slice: str
    count: int
    candidate: Number
    candidate_low: Number
    candidate_high: Number
    baseline: Number = None
    baseline_low: Number = None
    baseline_high: Number = None
    difference: Number = None
    low: Number = None
    high: Number = None
    error: float = 0.0
    lower_is_better: bool = False


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the gate decided about exactly one manifest, or about predictions in a file, and every reason.

    `baseline` None: there was no production version. `confidence` is of each one-sided comparison. Of predictions in
    files `candidate` is None, and `candidate_file` and `baseline_file` name them; nothing is released by that.
    """

    RECORD: ClassVar[str] = "decision/1"
    run: str
    model: str
    environment: str
    verdict: Verdict
    summary: str
    candidate: VersionRef | None
    baseline: VersionRef | None
    data_digest: str
    count: int
    confidence: float
    conditions: tuple[Condition, ...]
    metrics: Mapping[str, Number]
    baseline_metrics: Mapping[str, Number]
    created: str
    measurements: tuple[Measurement, ...] = _later(())
    candidate_file: str = _later("")
    baseline_file: str = _later("")


@dataclass(frozen=True, kw_only=True)
class LookSums:
    """One metric in one look at new examples, so that looks add up: core/statistics/looks.py makes it.

    Args:
        metric: its name in the configuration, or the metric's own.
        slice: which examples, such as "country=DE"; empty for all of them.
        count: how many examples.
        baseline: the baseline's value.
        difference: candidate - baseline.
        sigma: standard deviation of what one example adds to the difference.
        reach: the most that one example can add, to either side; None where that is not known.
        gained, lost: examples that count for the candidate only, and for the baseline only; None where it is no share.
    """

    metric: str
    slice: str
    count: int
    baseline: float
    difference: float
    sigma: float
    reach: Number = None
    gained: int | None = None
    lost: int | None = None


@dataclass(frozen=True, kw_only=True)
class SequentialPlace:
    """A candidate was looked at against a baseline; its position says how much of their error budget it has."""

    RECORD: ClassVar[str] = "sequential-place/1"
    model: str
    stream: str  # the name of the data that is looked at
    baseline: VersionRef
    candidate: VersionRef
    position: int  # among the candidates against this baseline, from 1
    created: str


@dataclass(frozen=True, kw_only=True)
class SequentialLook:
    """What one look at new examples says about a candidate and a baseline; all looks together are the evidence."""

    RECORD: ClassVar[str] = "sequential-look/1"
    model: str
    stream: str
    baseline: VersionRef
    candidate: VersionRef
    number: int  # among the looks at these two, from 1
    run: str
    data_digest: str  # the same data is counted once
    sums: tuple[LookSums, ...]
    created: str


@dataclass(frozen=True, kw_only=True)
class ColumnSummary:
    """What is kept of one column of values: counts by cell and sums, no value itself; core/drift/summary.py makes it.

    Args:
        name: of the input, with the column in brackets where it has several ("x[3]") or what was taken of it ("x mean").
        kind: numbers; texts; the lengths of texts; numbers of predicted classes.
        edges: of numbers and lengths, the inner edges of the cells, rising; a value on an edge belongs below it.
        categories: of texts and classes: those that have a cell of their own.
        counts: values by cell. Numbers: one more than edges, then NaN. Categories: each, all others, then none (an empty
            text, or scores with a NaN).
        infinite: how many of them were infinite; they are counted in the first and the last cell, too.
        mean, squares: of the finite numbers: mean, and sum of the squared distances from it; 0 where there are none.
        low, high: the least and the greatest of them; None where there are none.
    """

    name: str
    kind: Literal["number", "text", "length", "class"]
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    counts: tuple[int, ...]
    infinite: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: Number = None
    high: Number = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What is kept of the rows that a version was evaluated on, or was asked.

    Args:
        of: what they are: "evaluation" of the version's own reference, or "requests".
        rows: how many.
        inputs: by column; each counts as many values as there are rows.
        prediction: what the version answered; None where that is neither a class nor a number.
        certainty: how sure it was of each answer; None where it is no classifier, or was not asked about it.
        right: of an evaluation, how many answers in each of the cells of `certainty` were right.
    """

    RECORD: ClassVar[str] = "summary/1"
    of: Literal["evaluation", "requests"]
    rows: int
    inputs: tuple[ColumnSummary, ...]
    prediction: ColumnSummary | None = None
    certainty: ColumnSummary | None = _later(None)  # noqa: RUF009 - it makes a field
    right: tuple[int, ...] = _later(())


@dataclass(frozen=True, kw_only=True)
class ServerSummary:
    """What one server has summarised of a version's requests: since when, in seconds since 1970, and what."""

    server: str
    since: float
    summary: Summary


@dataclass(frozen=True, kw_only=True)
class DriftLook:
    """What a version was asked up to one look: adapters/summaries.py keeps one a chapter, and the last one.

    Args:
        model, environment: where it serves.
        version: which version.
        number: of the look, from 1.
        chapter: of the version's life, from 1; each begins where the one before ended, and is tested from there on.
        chapter_started: when.
        servers: what each server said at this look, so that the next one can tell what is new.
        total: all that was seen of the version so far.
        created: when.
    """

    RECORD: ClassVar[str] = "drift-look/1"
    model: str
    environment: str
    version: VersionRef
    number: int
    chapter: int
    chapter_started: str
    servers: tuple[ServerSummary, ...]
    total: Summary
    created: str


@dataclass(frozen=True, kw_only=True)
class Served:
    """The serve stage ended: the version is in production."""

    RECORD: ClassVar[str] = "serve/1"
    run: str
    environment: str
    released: VersionRef
    previous: int | None
    rest_url: str
    grpc_address: str
    created: str


JournalKind = Literal[
    "decision",  # the gate's verdict
    "release_started",  # intention: traffic is about to move to `version`
    "release_step",  # intention: `weight` percent of the traffic goes to `version`
    "released",  # `version` is in production
    "release_rolled_back",  # the canary failed: production is `previous`, as before
    "release_abandoned",  # the deployer was stopped or died: production is `previous`, as before
    "rollback_started",  # intention, and from here the truth: production becomes `version`
    "rolled_back",  # `version` is in production again
]


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """One line of a model's history. Only the journal says what is in production."""

    RECORD: ClassVar[str] = "journal/1"
    number: int
    time: str
    kind: JournalKind
    environment: str
    version: int
    manifest_digest: str
    previous: int | None
    run: str
    by: str
    reason: str
    weight: int | None = None
    evidence: Mapping[str, Any] = field(
        default_factory=dict
    )  # what was seen, and in "approver" who agreed to the release

    @property
    def approver(self) -> str | None:
        """Who agreed to the release that this entry belongs to; None when nobody was asked.

        It stands in the evidence, so that a version of jenkins-ml that does not know of approvals still reads the journal.
        """
        name = self.evidence.get("approver")
        return name if isinstance(name, str) else None

    @property
    def is_approval(self) -> bool:
        """Whether it says that a person has agreed to a release: a "decision", but not the gate's (docs/adr/0009)."""
        return self.kind == "decision" and "approval" in self.evidence


@dataclass(frozen=True, kw_only=True)
class LockHolder:
    """Who took a number of an environment's release lock: adapters/release_lock.py says what that means.

    Args:
        number: which.
        holder: what they are doing, for people.
        host: the name of their machine, for people.
        pid: their process there, for people.
        process: the same, so that it can be found dead on its own machine; empty where that cannot be told.
        taken: when, by their clock, for people.
    """

    RECORD: ClassVar[str] = "lock-holder/1"
    number: int
    holder: str
    host: str
    pid: int
    process: str
    taken: str


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Somebody agrees that a version takes the place of another one in an environment.

    Args:
        model: whose version.
        environment: where.
        candidate: the version.
        baseline: the version in production there; None for none.
        entry: number of the journal entry that brought that one into production; 0 for none.
        by: who says so, in their own words: the signature proves whose key it was.
        reason: why; may be empty.
        created: when.
        expires: when it counts no more.
        signature: by SSH, over this record without it.
    """

    RECORD: ClassVar[str] = "approval/1"
    model: str
    environment: str
    candidate: VersionRef
    baseline: VersionRef | None
    entry: int
    by: str
    reason: str
    created: str
    expires: str
    signature: str = _later("")


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """An alert has started a training, or nobody knows that it has not: adapters/retrainings.py says what that means.

    Args:
        number: which, from 1.
        model: of which model.
        job: that was started.
        reason: what the alert says.
        alert: the fingerprint of its labels.
        run: that started it.
        by: who did.
        created: when.
    """

    RECORD: ClassVar[str] = "retraining/1"
    number: int
    model: str
    job: str
    reason: str
    alert: str
    run: str
    by: str
    created: str


JobDeed = Literal[
    "nothing",  # it is as it should be, or stays for the reason in `note`
    "create",
    "update",
    "adopt",  # an update of what belonged to nobody, or to an owner that it is taken from
    "replace",  # deleted with its builds, and made anew
    "delete",
    "refuse",  # it would have to be changed, and may not be
]


@dataclass(frozen=True, kw_only=True)
class JobChange:
    """One setting of a job that differs: what the server has, what jobs.yaml asks for; None for nothing."""

    setting: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class JobAction:
    """What has to be done about one folder or job of a Jenkins server.

    Args:
        name: its full name.
        deed: what is done.
        kind: "folder", "pipeline" or "multibranch project"; of what is deleted also other classes.
        changes: setting by setting.
        before: digest of what the plan rests on; empty where it rests on there being nothing.
        note: what else a reader should know; of a refusal, why.
        config: config.xml to send, in a plan that was saved; else empty.
    """

    name: str
    deed: JobDeed
    kind: str
    changes: tuple[JobChange, ...] = ()
    before: str = ""
    note: str = ""
    config: str = ""


@dataclass(frozen=True, kw_only=True)
class JobsPlan:
    """A plan for the jobs of a server, to be reviewed and carried out exactly."""

    RECORD: ClassVar[str] = "jobs-plan/1"
    owner: str
    server: str  # its address
    created: str
    ignore: tuple[str, ...]
    actions: tuple[JobAction, ...]
    missing: tuple[str, ...]  # plugins and credentials that the server lacks, one sentence each
    unchecked: tuple[str, ...]  # what could not be looked at, and why
    digest: str = ""  # of all the rest, in a plan that was saved: one that was edited is not carried out


R = TypeVar("R")
KINDS: Final[Mapping[str, type]] = {
    cls.RECORD: cls
    for cls in (
        *(Manifest, Predictions, RunStart, Tested, Trained, Decision, Served, JournalEntry, JobsPlan),
        *(SequentialPlace, SequentialLook),
        *(Summary, DriftLook),
        *(LockHolder, Approval, Retraining),
    )
}


def encode(record: Any) -> bytes:
    """Canonical bytes of a record; raises ValueError for NaN or an infinity, which JSON cannot carry."""
    data = {"record": record.RECORD, **_plain(record)}
    return (json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if not dataclasses.is_dataclass(value):
        return value
    return {
        item.name: _plain(getattr(value, item.name))
        for item in dataclasses.fields(value)
        if not item.metadata.get(_LATER) or getattr(value, item.name) != item.default
    }


def decode(cls: type[R], data: bytes, source: str) -> R:
    """The record in `data`.

    Args:
        cls: the expected kind.
        data: the bytes of one JSON object.
        source: where they came from, for the message.

    Raises:
        IntegrityError: not JSON, another kind, a newer version, or a field that does not fit.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(
            f"{source} is not JSON: {error}", "restore it from a backup, or run the stage again"
        ) from error
    if not isinstance(value, dict):
        raise IntegrityError(f"{source} is not a record: a JSON object is expected")
    kind = value.pop("record", None)
    expected: str = cls.RECORD  # type: ignore[attr-defined]
    if kind != expected:
        known = isinstance(kind, str) and kind.split("/")[0] == expected.split("/")[0]
        hint = "a newer jenkins-ml wrote it: upgrade this one" if known else "it is not the file that this stage reads"
        raise IntegrityError(f"{source} holds {kind!r}, not {expected!r}", hint)
    try:
        return _build(cls, value, "")
    except (TypeError, ValueError) as error:
        raise IntegrityError(
            f"{source} is not a valid {expected}: {error}", "run the stage that writes it again"
        ) from error


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def artefact_digest(files: tuple[FileEntry, ...]) -> str:
    """Digest of a set of files: SHA-256 over "sha256  path" lines sorted by path, as `sha256sum` prints them."""
    lines = (f"{entry.sha256}  {entry.path}\n" for entry in sorted(files, key=lambda entry: entry.path))
    return digest("".join(lines).encode())


def _build(cls: type[R], value: Any, where: str) -> R:
    if not isinstance(value, dict):
        raise TypeError(f"{where or 'the record'} is not an object")
    hints = _hints(cls)  # type: ignore[arg-type] # classes are hashable
    fields = {item.name: item for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(value) - set(fields)):
        raise ValueError(f"unknown field {where}{unknown[0]}")
    required = {name for name, item in fields.items() if item.default is item.default_factory is dataclasses.MISSING}
    if missing := sorted(required - set(value)):
        raise ValueError(f"missing field {where}{missing[0]}")
    return cls(**{name: _convert(hints[name], item, where + name) for name, item in value.items()})


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    """Resolving them takes longer than everything else about reading a record, and a journal holds thousands."""
    return typing.get_type_hints(cls)


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, where)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{where} is {value!r}, not one of {', '.join(map(str, arguments))}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"{where} is not a list")
        return tuple(_convert(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is Mapping:  # what get_origin answers for Mapping[...]
        if not isinstance(value, dict):
            raise TypeError(f"{where} is not an object")
        return {key: _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast("type[Any]", hint), value, where + ".")
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise TypeError(f"{where} is {type(value).__name__}, not {hint.__name__}")
    return value


def _convert_union(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in arguments:
        return None
    [hint] = [argument for argument in arguments if argument is not type(None)]
    return _convert(hint, value, where)
