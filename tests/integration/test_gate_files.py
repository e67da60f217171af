"""`jenkins-ml gate --candidate FILE`: real files through the real command line, to exit codes, messages, records and reports."""

import json
import os
import signal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from jenkins_ml import cli, names
from jenkins_ml.adapters import own_metrics
from jenkins_ml.steps.entry import guarded
from tests.fakes.predictions import FORMATS, write

ROWS = 600
APPROVED, FAILED, USAGE, REJECTED, INCONCLUSIVE, INTEGRITY = 0, 1, 2, 3, 4, 7
CONFIG = 'model: tiny\ndata: {load: "data:load"}\ntrain: {entrypoint: "model:train"}\n'
LENIENT = "{accuracy: {min: 0.5, max_regression: 0.3}}"


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def decision(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        return self.err[self.err.index("error: ") :] if "error: " in self.err else ""


class Folder:
    """A folder with a configuration, and the command line in it."""

    def __init__(self, path: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capture = capture

    def configure(self, gate: str, **files: str) -> None:
        (self.path / names.CONFIG_FILE).write_text(CONFIG + f"gate: {gate}\n")
        for name, text in files.items():
            (self.path / f"{name}.py").write_text(text)

    def write(self, name: str, columns: Any, **options: Any) -> Path:
        return write(self.path / name, columns, **options)

    def gate(self, *arguments: Any) -> Done:
        self._capture.readouterr()
        argv = ["gate", *map(str, arguments)]
        code = guarded(lambda: cli.command.main(argv, prog_name="jenkins-ml", standalone_mode=False))
        return Done(code, *self._capture.readouterr())

    def between(self, candidate: Any, baseline: Any, *arguments: Any, form: str = "npz") -> Done:
        """The gate about two sets of columns."""
        files = ["--candidate", self.write(f"candidate.{form}", candidate)]
        if baseline is not None:
            files += ["--baseline", self.write(f"baseline.{form}", baseline)]
        return self.gate(*files, *arguments)


@pytest.fixture
def folder(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    root = Path(cli.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))))
    monkeypatch.delenv(names.ENV_WARM, raising=False)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    made = Folder(tmp_path, capfd)
    made.configure(f"{{metrics: {LENIENT}}}")
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def columns(right: float = 0.9, seed: int = 1, **more: Any) -> dict[str, Any]:
    """Binary answers that are right so often; the labels and ids are always the same."""
    labels = np.random.default_rng(0).integers(0, 2, ROWS)
    generator = np.random.default_rng(seed)
    scores = np.where((generator.random(ROWS) < right) == (labels == 1), 0.8, 0.2)
    scores += 0.1 * generator.random(ROWS).round(3)
    return {"id": np.arange(ROWS), "label": labels, "prediction": scores, **more}


def but(given: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {name: column for name, column in {**given, **changed}.items() if column is not None}


GOOD, OTHER = columns(0.92, 1), columns(0.9, 2)


# --- what a decision leaves -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metrics", "code", "verdict", "words"),
    [
        (LENIENT, APPROVED, "approved", "2 of 2 conditions passed on 600 examples"),
        ("{accuracy: {min: 0.99}}", REJECTED, "rejected", "is below the minimum of 0.99"),
        ("{accuracy: {max_regression: 0.0001}}", INCONCLUSIVE, "inconclusive", "would settle it"),
        ("{}", REJECTED, "rejected", "nothing was asked of the model"),
        ("{accuracy: {warn: {min: 0.1}}}", REJECTED, "rejected", "nothing but warnings was asked"),
        ("{accuracy: {max_improvement: 0.0001}}", REJECTED, "rejected", "too good to be true"),
    ],
)
def test_a_decision_has_an_exit_code_a_record_and_reports(folder, metrics, code, verdict, words):
    folder.configure(f"{{metrics: {metrics}}}")
    done = folder.between(GOOD, OTHER, "--json", "--reports", "out")
    assert done.code == code
    record = done.decision
    assert (record["verdict"], record["count"]) == (verdict, ROWS)
    assert words in record["summary"]
    assert record["candidate"] is record["baseline"] is None
    assert (record["candidate_file"], record["baseline_file"]) == (
        str(folder.path / "candidate.npz"), str(folder.path / "baseline.npz"))  # fmt: skip
    assert json.loads((folder.path / "out/decision.json").read_text()) == record
    for name in ("index.html", "junit.xml", "summary.md"):
        assert (folder.path / "out" / name).stat().st_size > 100
    if code:
        assert done.error.startswith("error: the gate ")
        assert "\n  next: " in done.error
        assert words in done.error
    else:
        assert done.error == ""
        assert "approved: " in done.err


def test_reports_go_below_the_reports_folder_where_none_is_named(folder):
    done = folder.between(GOOD, OTHER, "--json")
    assert (folder.path / names.REPORTS_DIR / done.decision["run"] / "decision.json").is_file()


def test_a_gate_of_files_releases_nothing_and_leaves_nothing_else(folder):
    assert folder.between(GOOD, OTHER).code == APPROVED
    left = {path for path in folder.path.rglob("*") if path.is_file() and names.REPORTS_DIR not in str(path)}
    left = {path.name for path in left}
    assert left == {names.CONFIG_FILE, "candidate.npz", "baseline.npz"}


def test_a_first_release_says_so_and_is_not_allowed_in_jenkins(folder, monkeypatch):
    done = folder.between(GOOD, None, "--json")
    assert done.code == APPROVED
    assert "nothing in production to compare with" in done.decision["summary"]
    monkeypatch.setenv(names.ENV_BUILD_TAG, "jenkins-x-1")
    monkeypatch.setenv(names.ENV_STORE, str(folder.path / "store"))
    done = folder.between(GOOD, None, "--json")
    assert done.code == INCONCLUSIVE
    assert "a first release is not allowed here" in done.error
    folder.configure(f"{{first_release: allow, metrics: {LENIENT}}}")
    assert folder.between(GOOD, None).code == APPROVED


def test_models_that_are_swapped_swap_the_decision(folder):
    folder.configure("{metrics: {accuracy: {max_regression: 0.02}}}")
    good, bad = columns(0.97, 3), columns(0.7, 4)
    assert folder.between(good, bad).code == APPROVED
    assert folder.between(bad, good).code == REJECTED


# --- one decision, whatever the form --------------------------------------------------------------------------------


def comparable(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in record.items()
        if name not in ("run", "created", "candidate_file", "baseline_file")
    }


SLICED = (
    "{metrics: {accuracy: {max_regression: 0.3}, loss: {max: 1}, roc_auc: {min: 0.5}}, slices: [{feature: country}]}"
)
COUNTRY = np.array(["DE", "FR", "IT"])[np.arange(ROWS) % 3]


@pytest.fixture(scope="module")
def as_npz():
    return {}


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_numbers_in_any_format_get_the_same_decision(folder, form, as_npz):
    folder.configure(SLICED)
    given = but(GOOD, country=COUNTRY), but(OTHER, country=COUNTRY)
    found = comparable(folder.between(*given, "--json", form=form).decision)
    first = as_npz.setdefault("decision", found)
    assert found == first
    assert found["verdict"] == "approved"
    assert len(found["conditions"]) == 12


def test_another_order_of_ids_gets_the_same_verdict(folder):
    folder.configure(SLICED)
    given = but(GOOD, country=COUNTRY), but(OTHER, country=COUNTRY)
    ordered = folder.between(*given, "--json").decision
    order = np.random.default_rng(5).permutation(ROWS)
    shuffled = {name: np.asarray(column)[order] for name, column in given[1].items()}
    found = folder.between(given[0], shuffled, "--json").decision
    again = folder.between(given[0], shuffled, "--json").decision
    assert comparable(found) == comparable(again)
    for one, other in zip(ordered["conditions"], found["conditions"], strict=True):
        assert (one["name"], one["outcome"], one["count"]) == (other["name"], other["outcome"], other["count"])
        for name in ("candidate", "baseline", "low", "high"):
            assert other[name] == (None if one[name] is None else pytest.approx(one[name], rel=1e-9, abs=1e-9))


def test_unordered_ids_are_joined_and_not_read_by_position(folder):
    """By position this candidate would be as good as chance."""
    folder.configure("{metrics: {accuracy: {min: 0.9}, flip_rate: {max: 0.0}}}")
    perfect = but(GOOD, prediction=np.where(GOOD["label"] == 1, 0.9, 0.1))
    backwards = {name: np.asarray(column)[::-1] for name, column in perfect.items()}
    assert folder.between(perfect, backwards).code == APPROVED


def test_ids_of_text_are_joined_like_numbers(folder):
    texts = np.array([f"row {i:05d}" for i in range(ROWS)])
    numbers = folder.between(GOOD, OTHER, "--json").decision
    found = folder.between(but(GOOD, id=texts), but(OTHER, id=texts), "--json").decision
    assert comparable(found) == comparable(numbers)


def test_weights_count(folder):
    folder.configure("{metrics: {accuracy: {min: 0.999}}}")
    right = (GOOD["prediction"] >= 0.5) == (GOOD["label"] == 1)
    assert folder.between(GOOD, None).code == REJECTED
    done = folder.between(but(GOOD, weight=right * 1.0), None, "--json")
    assert done.code == APPROVED
    assert done.decision["count"] == right.sum()
    done = folder.between(but(GOOD, weight=np.zeros(ROWS)), None)
    assert (done.code, "no example has a weight above 0" in done.error) == (REJECTED, True)


# --- files that are not what they should be -------------------------------------------------------------------------


def duplicated(given):
    return but(given, id=np.where(np.arange(ROWS) == 9, 8, np.arange(ROWS)))


def first(given, rows):
    return {name: np.asarray(column)[:rows] for name, column in given.items()}


NAN = np.where(np.arange(ROWS) == 7, np.nan, GOOD["prediction"])
BAD = {  # candidate, baseline, exit code, words
    "an id twice in the candidate's": (duplicated(GOOD), OTHER, INTEGRITY, "came before"),
    "an id twice in production's": (GOOD, duplicated(OTHER), INTEGRITY, "came before"),
    "an id twice in both": (duplicated(GOOD), duplicated(OTHER), INTEGRITY, "came before"),
    "an id twice without production": (duplicated(GOOD), None, INTEGRITY, "came before"),
    "fewer rows of the candidate": (first(GOOD, 599), OTHER, INTEGRITY, "only in"),
    "fewer rows of production": (GOOD, first(OTHER, 1), INTEGRITY, "only in"),
    "other ids": (GOOD, but(OTHER, id=np.arange(ROWS) + 1), INTEGRITY, "only in"),
    "no id in common": (GOOD, but(OTHER, id=np.arange(ROWS) + ROWS), INTEGRITY, "only in"),
    "ids in one file only": (GOOD, but(OTHER, id=None), USAGE, "id"),
    "ids of text and ids of numbers": (GOOD, but(OTHER, id=np.arange(ROWS).astype(str)), USAGE, "id"),
    "ids that are fractions": (but(GOOD, id=np.arange(ROWS) / 2), but(OTHER, id=np.arange(ROWS) / 2), USAGE, "id"),
    "one label that differs": (GOOD, but(OTHER, label=GOOD["label"] ^ (np.arange(ROWS) == 3)), INTEGRITY, "label"),
    "all labels differ": (GOOD, but(OTHER, label=1 - GOOD["label"]), INTEGRITY, "label"),
    "no ids, and other labels": (
        but(GOOD, id=None), but(OTHER, id=None, label=1 - GOOD["label"]), INTEGRITY, "label"),
    "no ids, and other numbers of rows": (but(GOOD, id=None), first(but(OTHER, id=None), 9), USAGE, "rows"),
    "no labels": (but(GOOD, label=None), but(OTHER, label=None), USAGE, "label"),
    "no predictions": (but(GOOD, prediction=None), OTHER, USAGE, "prediction"),
    "predictions under another name": (but(GOOD, prediction=None, score=GOOD["prediction"]), OTHER, USAGE, "prediction"),
    "no predictions of production": (GOOD, but(OTHER, prediction=None), USAGE, "prediction"),
    "no rows": (first(GOOD, 0), None, USAGE, "no rows"),
    "no rows in both": (first(GOOD, 0), first(OTHER, 0), USAGE, "no rows"),
    "a prediction that is NaN": (but(GOOD, prediction=NAN), OTHER, FAILED, "NaN or infinite"),
    "a prediction of production that is NaN": (GOOD, but(OTHER, prediction=NAN), FAILED, "NaN or infinite"),
    "an infinite prediction": (but(GOOD, prediction=np.where(NAN > 0, NAN, np.inf)), OTHER, FAILED, "NaN or infinite"),
    "a label that is NaN": (but(GOOD, label=np.where(NAN > 0, 1.0, np.nan)), None, FAILED, "NaN or infinite"),
    "a weight that is NaN": (but(GOOD, weight=NAN), OTHER, FAILED, "NaN or infinite"),
    "a negative weight": (but(GOOD, weight=-GOOD["prediction"]), OTHER, FAILED, "negative"),
    "scores that are none": (but(GOOD, prediction=9 * GOOD["prediction"]), OTHER, FAILED, "outside [0, 1]"),
    "predictions of text": (but(GOOD, prediction=np.array(["0.9"] * ROWS)), OTHER, USAGE, "prediction"),
    "labels of text": (but(GOOD, label=np.array(["cat"] * ROWS)), OTHER, USAGE, "label"),
    "weights of text": (but(GOOD, weight=np.array(["much"] * ROWS)), OTHER, USAGE, "weight"),
    "a third class": (but(GOOD, label=np.arange(ROWS) % 3), None, FAILED, "other than 0 and 1"),
    "two classes against one score": (
        but(GOOD, prediction=None, prediction_0=1 - GOOD["prediction"], prediction_1=GOOD["prediction"]), OTHER,
        FAILED, "set gate.task"),
    "a class left out": (
        but(GOOD, prediction=None, prediction_0=GOOD["prediction"], prediction_2=GOOD["prediction"]), None, USAGE,
        "prediction_1"),
}  # fmt: skip


@pytest.mark.parametrize("form", ["npz", "parquet"])
@pytest.mark.parametrize("case", BAD)
def test_files_that_do_not_go_together_are_no_decision(folder, case, form):
    candidate, baseline, code, words = BAD[case]
    done = folder.between(candidate, baseline, "--json", "--reports", "out", form=form)
    assert done.code == code, done
    assert words in done.error
    assert "\n  next: " in done.error
    assert "defect" not in done.err
    assert done.out == ""
    assert not (folder.path / "out").exists()


KEPT = {"nothing": 0, "a few bytes": 3, "a third": 0.3, "most": 0.9, "all but a byte": -1}
# A line break less at the end of a CSV file changes nothing.
SHORTENED = [(form, much) for form in FORMATS for much in KEPT if (form, much) != ("csv", "all but a byte")]


@pytest.mark.parametrize(("form", "much"), SHORTENED, ids=[f"{much} of {form}" for form, much in SHORTENED])
def test_a_file_that_ends_too_early_is_no_decision(folder, form, much):
    path, kept = folder.write(f"candidate.{form}", GOOD), KEPT[much]
    whole = path.read_bytes()
    cut = int(len(whole) * kept) if isinstance(kept, float) else kept
    baseline = folder.write("baseline.npz", OTHER)
    path.write_bytes(whole[:cut])
    done = folder.gate("--candidate", path, "--baseline", baseline)
    assert done.code in (USAGE, INTEGRITY), done
    # Nothing in half a CSV file says that it is half a file, but its ids do.
    assert str(path) in done.error or (form == "csv" and "only in" in done.error)
    assert "\n  next: " in done.error
    assert "defect" not in done.err


def test_parquet_in_which_a_value_is_missing_is_no_decision(folder):
    table = pa.table({**GOOD, "prediction": [None, *GOOD["prediction"][1:].tolist()]})
    done = folder.between(table, None, form="parquet")
    assert done.code in (FAILED, USAGE, INTEGRITY)
    assert "prediction" in done.error


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--candidate", "nowhere.npz"], USAGE, "nowhere.npz"),
        (["--candidate", "candidate.npz", "--baseline", "nowhere.npz"], USAGE, "nowhere.npz"),
        (["--candidate", "."], USAGE, ""),
        (["--candidate", names.CONFIG_FILE], USAGE, names.CONFIG_FILE),
        (["--baseline", "candidate.npz"], USAGE, "go with --candidate"),
        (["--name", "v1"], USAGE, "go with --candidate"),
        (["--reports", "out"], USAGE, "go with --candidate"),
        (["--candidate", "candidate.npz", "--version", "1"], USAGE, "either --candidate or --version"),
        (["--candidate"], USAGE, "requires an argument"),
        (["--candidate", "candidate.npz", "--environment", "Not One"], USAGE, "no name of an environment"),
        (["--candidate", "candidate.npz", "--metric", "accuracy"], USAGE, "--metric"),
    ],
)
def test_a_command_that_cannot_be_meant(folder, arguments, code, words):
    folder.write("candidate.npz", GOOD)
    done = folder.gate(*arguments)
    assert (done.code, done.out) == (code, "")
    assert words in done.err


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ("{metrics: {acuracy: {min: 0.5}}}", "accuracy"),
        ("{metrics: {accuracy: {minimum: 0.5}}}", "minimum"),
        ("{metrics: {accuracy: {min: .nan}}}", "a finite number is expected"),
        ("{metrics: {accuracy: {min: 0.9, max: 0.1}}}", "nothing can pass"),
        ("{metrics: {accuracy: {}}}", "at least one of"),
        ("{confidence: 1.0}", "confidence"),
        ("{inconclusive: approve}", "inconclusive"),
        ("{slices: [{feature: a, features: [a, b]}]}", "either"),
    ],
)
def test_a_configuration_that_is_wrong_names_its_line(folder, gate, words):
    folder.configure(gate)
    done = folder.between(GOOD, OTHER)
    assert (done.code, done.out) == (USAGE, "")
    assert f"{names.CONFIG_FILE}:4:" in done.error
    assert words in done.error


@pytest.mark.parametrize(
    ("slices", "words"),
    [
        ("[{feature: contry}]", "no column 'contry'"),
        ("[{feature: country, values: [XX]}]", "country=XX: no example has this value"),
        ("[{feature: country, quantiles: 3}]", "which quantiles need"),
        ("[{features: [country, nowhere]}]", "no column 'nowhere'"),
        ("[{feature: number}]", "no column 'number'"),
        ("[{feature: country, metrics: {accuracy: {min: 1.01}}}]", "country=DE: accuracy"),
    ],
)
def test_slices_that_are_not_there_reject(folder, slices, words):
    folder.configure(f"{{metrics: {LENIENT}, slices: {slices}}}")
    done = folder.between(but(GOOD, country=COUNTRY), but(OTHER, country=COUNTRY), "--json", form="parquet")
    assert done.code == REJECTED
    assert words in done.decision["summary"]
    assert words in done.error


# --- metrics of the user's own --------------------------------------------------------------------------------------

COST = """
import numpy as np

def cost(labels, predictions):
    return np.where(labels == 1, 1 - predictions, 5 * predictions)

def parts(labels, predictions):
    named = predictions >= 0.5
    return np.stack([named & (labels == 1), labels == 1], axis=1)

def recall(hits, positives):
    return hits / positives
"""


def test_a_metric_of_ones_own_and_one_made_of_means(folder):
    folder.configure(
        "{metrics: {cost: {function: 'own:cost', better: lower, max: 3, max_regression: 0.5}, "
        "mine: {function: 'own:parts', value: 'own:recall', min: 0.5}, recall: {min: 0.5}}}",
        own=COST,
    )
    done = folder.between(GOOD, OTHER, "--json")
    assert done.code == APPROVED, done
    scores, positive = GOOD["prediction"], GOOD["label"] == 1
    values = done.decision["metrics"]
    assert values["cost"] == pytest.approx(np.where(positive, 1 - scores, 5 * scores).mean())
    assert values["mine"] == pytest.approx(values["recall"])
    found = {each["name"]: each for each in done.decision["conditions"]}
    assert found["cost max_regression"]["lower_is_better"] is True
    assert found["cost max_regression"]["high"] <= 0.5


OWN = {  # the function, exit code, words
    "raises": ("def f(labels, predictions):\n    raise RuntimeError('boom')", FAILED, "own.py:2: boom"),
    "leaves by sys.exit": ("import sys\ndef f(labels, predictions):\n    sys.exit(0)", FAILED, "SystemExit"),
    "leaves the process": (
        "import os\ndef f(labels, predictions):\n    os._exit(0)", FAILED, "the process of the metric mine ended with 0 and no"),
    "leaves the process while it is imported": ("import os\nos._exit(0)\ndef f(*_): pass", FAILED, "no answer"),
    "is killed": (
        "import os, signal\ndef f(labels, predictions):\n    os.kill(os.getpid(), signal.SIGKILL)", FAILED, "no answer"),
    "never returns": ("import time\ndef f(labels, predictions):\n    time.sleep(60)", FAILED, "took longer than 1.5 s"),
    "returns text": ("def f(labels, predictions):\n    return 'fine'", FAILED, "own:f returned str"),
    "returns nothing": ("def f(labels, predictions):\n    return None", FAILED, "mine: the function returned"),
    "returns NaN": ("def f(labels, predictions):\n    return labels * float('nan')", FAILED, "not finite"),
    "returns one number": ("def f(labels, predictions):\n    return 0.9", FAILED, "returned shape ()"),
    "returns two numbers an example": (
        "import numpy as np\ndef f(labels, predictions):\n    return np.ones((len(labels), 2))", FAILED, "returned 2 numbers"),
    "takes other arguments": ("def f(labels):\n    return labels", FAILED, "cannot be called with"),
    "is not there": ("def g(labels, predictions):\n    return labels", USAGE, "has no function 'f'"),
    "cannot be imported": ("import nowhere_at_all", FAILED, "nowhere_at_all"),
}  # fmt: skip


@pytest.mark.parametrize("case", OWN)
def test_a_metric_of_ones_own_that_fails_is_no_decision(folder, case, monkeypatch):
    text, code, words = OWN[case]
    if case == "never returns":
        monkeypatch.setattr(own_metrics, "DEADLINE", 1.5)
    folder.configure("{metrics: {accuracy: {min: 0.1}, mine: {function: 'own:f', min: -1}}}", own=text)
    done = folder.between(GOOD, None, "--json")
    assert (done.code, done.out) == (code, ""), done
    assert words in done.error, done.error
    assert "\n  next: " in done.error


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ("return float('nan')", REJECTED, "gave no finite number"),
        ("return hits / 0", REJECTED, "gave no finite number"),
        ("return 'fine'", FAILED, "own:v returned str"),
        ("return None", FAILED, "own:v returned NoneType"),
        ("raise KeyError(hits)", FAILED, "KeyError"),
    ],
)
def test_a_value_that_is_no_number_passes_nothing(folder, value, code, words):
    text = f"{COST}\ndef v(hits, positives):\n    {value}\n"
    folder.configure("{metrics: {mine: {function: 'own:parts', value: 'own:v', min: -1}}}", own=text)
    done = folder.between(GOOD, None)
    assert done.code == code, done
    assert words in done.error


def test_a_metric_of_ones_own_cannot_change_what_others_see(folder):
    text = "def f(labels, predictions):\n    predictions[:] = labels\n    return predictions"
    folder.configure("{metrics: {accuracy: {min: 0.99}, mine: {function: 'own:f', min: 0}}}", own=text)
    assert folder.between(GOOD, None).code == REJECTED


# --- night after night ----------------------------------------------------------------------------------------------

NIGHTLY = "{sequential: true, metrics: {accuracy: {max_regression: 0.03}}}"


def night(number: int, right: float = 0.92) -> tuple[dict[str, Any], dict[str, Any]]:
    labels = np.random.default_rng(100 + number).integers(0, 2, ROWS)
    both = []
    for seed, chance in ((200, right), (300, 0.92)):
        generator = np.random.default_rng(seed + number)
        hit = (generator.random(ROWS) < chance) == (labels == 1)
        both.append({"id": np.arange(ROWS), "label": labels, "prediction": np.where(hit, 0.8, 0.2)})
    return both[0], both[1]


def counted(done: Done) -> int:
    [found] = [each for each in done.decision["conditions"] if each["kind"] == "max_regression"]
    return found["count"]


def test_nights_add_up_until_the_data_can_tell(folder):
    folder.configure(NIGHTLY)
    named = ("--json", "--name", "v7", "--baseline-name", "v6")
    codes, counts = [], []
    for number in range(12):
        done = folder.between(*night(number, 0.93), *named)
        codes.append(done.code)
        counts.append(counted(done))
    assert counts == [ROWS * (number + 1) for number in range(12)]
    assert codes[0] == INCONCLUSIVE
    assert codes[-1] == APPROVED, codes
    assert "over 12 looks" in done.decision["conditions"][0]["reason"]


def test_the_same_night_twice_counts_once(folder):
    folder.configure(NIGHTLY)
    named = ("--json", "--name", "v7", "--baseline-name", "v6")
    first_time = folder.between(*night(1), *named)
    again = folder.between(*night(1), *named)
    assert counted(first_time) == counted(again) == ROWS
    assert [each["low"] for each in first_time.decision["conditions"]] == [
        each["low"] for each in again.decision["conditions"]
    ]
    assert counted(folder.between(*night(2), *named)) == 2 * ROWS


def test_another_candidate_or_baseline_or_stream_begins_anew_and_a_later_candidate_has_less_of_the_budget(folder):
    folder.configure(NIGHTLY)
    both = night(1)
    one = folder.between(*both, "--json", "--name", "v7", "--baseline-name", "v6")
    other = folder.between(*both, "--json", "--name", "v8", "--baseline-name", "v6")
    elsewhere = folder.between(*both, "--json", "--name", "v7", "--baseline-name", "v5")
    assert counted(one) == counted(other) == counted(elsewhere) == ROWS
    lows = [done.decision["conditions"][0]["low"] for done in (one, other, elsewhere)]
    assert lows[1] < lows[0] == lows[2]
    folder.configure(NIGHTLY.replace("sequential: true", "sequential: true, stream: weekly"))
    assert counted(folder.between(*night(2), "--json", "--name", "v7", "--baseline-name", "v6")) == ROWS


def test_a_worse_model_is_rejected_over_the_nights_and_never_approved(folder):
    folder.configure(NIGHTLY)
    codes = [folder.between(*night(number, 0.85), "--name", "bad", "--baseline-name", "v6").code for number in range(8)]
    assert APPROVED not in codes
    assert codes[-1] == REJECTED


@pytest.mark.parametrize("named", [(), ("--name", "v7"), ("--baseline-name", "v6")])
def test_nights_have_to_say_whose_they_are(folder, named):
    folder.configure(NIGHTLY)
    done = folder.between(*night(1), *named)
    assert done.code == USAGE
    assert "name both models" in done.error


def test_a_first_release_has_no_nights(folder):
    folder.configure("{sequential: true, metrics: {accuracy: {min: 0.5, max_regression: 0.03}}}")
    assert folder.between(night(1)[0], None).code == APPROVED


def test_nights_with_another_set_of_metrics_keep_what_they_have(folder):
    """Evidence is by metric: one that is asked later begins with its first look."""
    folder.configure(NIGHTLY)
    named = ("--json", "--name", "v7", "--baseline-name", "v6")
    folder.between(*night(1), *named)
    folder.configure("{sequential: true, metrics: {accuracy: {max_regression: 0.03}, brier: {max_regression: 0.1}}}")
    found = {each["name"]: each["count"] for each in folder.between(*night(2), *named).decision["conditions"]}
    assert found == {"accuracy max_regression": 2 * ROWS, "brier max_regression": ROWS}
