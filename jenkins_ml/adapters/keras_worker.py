"""The process that user code runs in: trains or loads a Keras model, exports it, and predicts the evaluation split.

It gets one job as JSON on standard input, after its imports, so that it can be started while a training command still
runs. It writes only below the job's `out`; the stage that started it checks what it finds there and alone writes to the
store. A segmentation fault or an `os._exit` in user code therefore never leaves a half version.

    out/model/           the SavedModel, with the summary of the evaluation split that later requests are compared with
    out/predictions/predictions.npz   labels, predictions, columns to slice by; of the first examples the inputs as replay/<input>, what the
                                      exported model answered as exported/<output>, and the one that was trained, in
                                      memory, as trained/<output>, or in not_trained why it was not asked
    out/result.json      signature, curves, data digest, count, environment; or the error
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import shutil
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from jenkins_ml import __version__, names
from jenkins_ml.adapters import files, trained_answers, user_code
from jenkins_ml.adapters import saved_model as saved_models
from jenkins_ml.adapters.array_spool import ArraySpool
from jenkins_ml.adapters.evaluation_split import Batch, Features, Split
from jenkins_ml.adapters.passed_errors import as_plain
from jenkins_ml.core.drift.certainty import Certainty
from jenkins_ml.core.drift.reference import Reference
from jenkins_ml.errors import IntegrityError, JenkinsMLError, StageFailed
from jenkins_ml.records import Signature, Summary, TensorSpec, decode, encode

BATCH = 1024
# What predictions.npz calls other things: features of these names are no columns to slice by.
_RESERVED = frozenset({"", "id", "label", "labels", "prediction", "predictions", "weight"})


def main(argv: list[str]) -> int:
    """Do one job.

    Args:
        argv: what to import before the job comes: "whole" for user code that trains, "lean" to load a Keras file,
            "serving" to predict with a SavedModel.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if argv == ["serving"]:
        saved_models.import_tensorflow()
    else:
        _import_keras(lean=argv == ["lean"])
    line = sys.stdin.readline()
    if not line:
        return 0  # nobody wants the job any more
    job = json.loads(line)
    out = Path(job["out"])
    try:
        result = _carry_out(job, out)
    except JenkinsMLError as error:
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        result = _failed(error, out)
    except OSError as error:  # the user's own are wrapped already
        result = _failed(files.translate("writing the model and its predictions", error), out)
    (out / "result.json").write_text(json.dumps(result))
    return 0


def _failed(error: JenkinsMLError, out: Path) -> dict[str, Any]:
    for folder in ("model", "predictions"):  # nobody takes them; on a full disk they make room for the result
        shutil.rmtree(out / folder, ignore_errors=True)
    return {"error": as_plain(error)}


def _carry_out(job: Mapping[str, Any], out: Path) -> dict[str, Any]:
    directory = Path(job["directory"])
    load = user_code.find(job["load"], directory, "data.load")
    curves: dict[str, list[float]] = {}
    model = None
    if job["mode"] == "train":
        model = _train(job, load, directory)
        curves = _curves(model)
    elif job["mode"] == "export" and not Path(job["output"]).is_dir():
        model = _load_keras(Path(job["output"]))
    split = Split(load, directory)
    batches = split.batches(BATCH)
    first = next(batches)
    trained = trained_answers.ask(model, first.features)
    saved_model = _exported(job, model, out)
    model = None  # a large one leaves room for what was exported
    loaded = _load(saved_model, job)
    signature = _judged(loaded)
    folder = out / "predictions"
    folder.mkdir()
    spool = ArraySpool(folder)
    reference = None if job["mode"] == "predict" else Reference(_reference_before(job))
    certainty = Certainty()
    recorded: dict[str, np.ndarray] = {}
    done = 0
    for batch in itertools.chain([first], batches):
        inputs = fit(signature, batch.features)
        predictions = _predict(loaded, signature, inputs, done)
        recorded = recorded or trained_answers.as_recorded(signature, inputs, predictions, trained)
        spool.append("labels", batch.labels)
        spool.append("predictions", predictions)
        if reference is not None:
            reference.add(inputs, predictions)
            certainty.add(predictions, batch.labels)
        for name, values in sliceable(batch).items():
            spool.append(name, values)
        done += len(batch)
    spool.write(folder / "predictions.npz", recorded)
    if reference is not None:
        _write_reference(reference, certainty, saved_model)
    return {
        "signature": asdict(signature),
        "curves": curves,
        "data_digest": split.digest,
        "count": split.count,
        "environment": _environment(),
    }


def _reference_before(job: Mapping[str, Any]) -> Summary | None:
    """The reference of the version in production; None where there is none, or none that can be read."""
    file = job.get("reference")
    try:
        return None if file is None else decode(Summary, Path(file).read_bytes(), file)
    except (OSError, IntegrityError):
        return None


def _write_reference(reference: Reference, certainty: Certainty, model: Path) -> None:
    """Put the reference beside the model; one that came with a SavedModel is of something else."""
    file = model / names.REFERENCE
    file.unlink(missing_ok=True)
    summary = reference.summary()
    if summary is not None:
        summary = certainty.added_to(summary)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(encode(summary))


def sliceable(batch: Batch) -> dict[str, np.ndarray]:
    """The columns that slices and weights can be taken from: those that came as such, and features with one value a row."""
    flat = {
        name: values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
        for name, values in batch.features.items()
    }
    single = {name: values for name, values in flat.items() if values.ndim == 1 and name not in _RESERVED}
    return {name: values for name, values in {**single, **batch.columns}.items() if values.dtype.kind in "biufOSU"}


def _import_keras(lean: bool) -> None:
    """Import Keras. Lean: without scikit-learn and pandas, which it imports only to serve their users (a quarter of the time)."""
    hidden = [name for name in ("sklearn", "pandas") if lean and name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        with saved_models.without_native_noise():
            import keras

            keras.Sequential  # noqa: B018 - loads what Keras loads lazily
    except ImportError as error:
        raise SystemExit(f"TensorFlow and Keras are needed: pip install 'jenkins-ml[tensorflow]' ({error})") from error
    finally:
        for name in hidden:
            del sys.modules[name]


def _train(job: Mapping[str, Any], load: Any, directory: Path) -> Any:
    import keras

    train = user_code.find(job["entrypoint"], directory, "train.entrypoint")
    data = user_code.call(load, directory, "train")
    if data is None:
        raise StageFailed('load("train") returned nothing', "return (features, labels)")
    model = user_code.call(train, directory, data, **job["params"])
    if not isinstance(model, keras.Model):
        raise StageFailed(
            f"{job['entrypoint']} returned {type(model).__name__}, not a Keras model", "return the trained model"
        )
    return model


def _curves(model: Any) -> dict[str, list[float]]:
    """The values of each epoch that the last `fit` left on the model; a diverged training is refused here."""
    history = getattr(getattr(model, "history", None), "history", None) or {}
    curves = {str(name): [float(value) for value in values] for name, values in history.items()}
    for name, values in curves.items():
        for epoch, value in enumerate(values, 1):
            if not np.isfinite(value):
                raise StageFailed(
                    f"training diverged: {name} is {value} in epoch {epoch}",
                    "lower the learning rate, or look for NaN in the training data",
                )
    return curves


def _export(model: Any, target: Path) -> None:
    try:
        model.export(str(target), verbose=False)
    except Exception as error:
        text = str(error).strip() or type(error).__name__
        for number in files.FULL:
            if os.strerror(number) in text:  # TensorFlow's error has no errno
                raise OSError(number, os.strerror(number), str(target)) from error
        raise StageFailed(
            f"the model cannot be exported: {text.splitlines()[0]}",
            "call it on data once, so that its input shape is known",
        ) from error


def _exported(job: Mapping[str, Any], model: Any, out: Path) -> Path:
    """The SavedModel: of the store, or made now from a model or from the SavedModel that a training command wrote."""
    if job["mode"] == "predict":
        return Path(job["saved_model"])
    target = out / "model"
    if model is None:
        shutil.copytree(job["output"], target, symlinks=True)
    else:
        _export(model, target)
    return target


def _load_keras(output: Path) -> Any:
    """The model in a .keras or .h5 file that a training command left behind."""
    import keras

    try:
        return keras.saving.load_model(output, compile=False, safe_mode=True)
    except Exception as error:
        text = str(error).strip().splitlines() or [type(error).__name__]
        if "ambda" in str(error) or "unsafe" in str(error):
            raise IntegrityError(
                f"{output.name} holds code that would run when it is loaded: {text[0]}", "replace the Lambda layer"
            ) from error
        raise StageFailed(
            f"{output.name} cannot be loaded as a Keras model: {text[0]}", "check what the command writes"
        ) from error


def _load(saved_model: Path, job: Mapping[str, Any]) -> saved_models.LoadedModel:
    try:
        return saved_models.load(saved_model)
    except IntegrityError as error:
        if job["mode"] == "predict":  # what the store holds was fine when it was kept
            raise
        made = job.get("output", "the exported model")
        what = error.what.replace(str(saved_model), Path(made).name)
        raise StageFailed(what, "check what the training writes") from error


def _judged(model: saved_models.LoadedModel) -> Signature:
    """The signature that is served, with the one output that is judged."""
    if "serving_default" not in model.signatures:
        raise StageFailed("the SavedModel has no signature serving_default", "export it with one")
    signature = model.signatures["serving_default"]
    if len(signature.outputs) != 1:
        names = ", ".join(spec.name for spec in signature.outputs)
        raise StageFailed(
            f"the model has {len(signature.outputs)} outputs ({names})",
            "export a signature with the one that is judged",
        )
    return signature


def _predict(model: saved_models.LoadedModel, signature: Signature, inputs: Features, start: int) -> np.ndarray:
    """Predictions of the exported model, so that what is gated is what will be served; `start` is the first row's number."""
    fixed = signature.inputs[0].shape[0] if signature.inputs[0].shape else None
    count = len(next(iter(inputs.values())))
    size = fixed or count
    answers = []
    for first in range(0, count, size):
        batch = {name: values[first : first + size] for name, values in inputs.items()}
        rows = len(next(iter(batch.values())))
        if fixed and rows < fixed:
            batch = {
                name: np.concatenate([values, values[:1].repeat(fixed - rows, 0)]) for name, values in batch.items()
            }
        try:
            answer = model.predict(batch)[signature.outputs[0].name]
        except saved_models.ModelFailed as error:
            place = f"rows {start + first} to {start + first + rows - 1} of the test split"
            raise StageFailed(
                f"the exported model fails on {place}: {error.what.splitlines()[0]}", error.next_step
            ) from error
        answers.append(answer[:rows])
    predictions = np.concatenate(answers)
    if predictions.dtype.kind not in "biufV" or predictions.ndim not in (1, 2):  # bfloat16 has the kind V
        raise StageFailed(
            f"the predictions are {predictions.dtype} of shape {predictions.shape}, not numbers by example",
            "export a signature that answers one number an example, or one a class: shape (n,) or (n, classes)",
        )
    if len(predictions) != count:
        raise StageFailed(
            f"the model answered {len(predictions)} rows for {count}", "it must answer one row an example"
        )
    return predictions


def fit(signature: Signature, features: Features) -> Features:
    """The features under the names and dtypes that a signature asks for.

    Raises:
        StageFailed: names, shapes or dtypes do not fit.
    """
    specs = {spec.name: spec for spec in signature.inputs}
    named = {next(iter(specs)): features[""]} if set(features) == {""} and len(specs) == 1 else features
    if set(named) != set(specs):
        raise _misfit(f"it takes {_names(specs)}, the data has {_names(named)}")
    return {name: _fit_one(specs[name], values) for name, values in named.items()}


def _fit_one(spec: TensorSpec, values: np.ndarray) -> np.ndarray:
    if spec.shape and (
        len(spec.shape) != values.ndim
        or any(want is not None and want != have for want, have in zip(spec.shape[1:], values.shape[1:], strict=True))
    ):
        want = tuple("any" if size is None else size for size in spec.shape)
        raise _misfit(f"input {spec.name!r} has shape {want}, the data {values.shape}")
    if spec.dtype == "str":
        if values.dtype.kind not in "USO":
            raise _misfit(f"input {spec.name!r} takes text, the data is {values.dtype}")
        return _plain(values)
    if values.dtype.kind not in "biuf" or not np.can_cast(values.dtype, spec.dtype, casting="same_kind"):
        raise _misfit(f"input {spec.name!r} takes {spec.dtype}, the data is {values.dtype}")
    return values.astype(spec.dtype, copy=False)


def _misfit(what: str) -> StageFailed:
    return StageFailed(f"the model's signature does not fit the data: {what}", "make data.load and the model agree")


def _names(items: Mapping[str, Any]) -> str:
    return ", ".join(sorted(repr(name) if name else "one unnamed input" for name in items)) or "nothing"


def _plain(values: np.ndarray) -> np.ndarray:
    """Arrays of objects (text) as fixed-width text, which a file holds without pickling."""
    return values.astype(str) if values.dtype.hasobject else values


def _environment() -> dict[str, str]:
    versions = {"python": platform.python_version(), "jenkins-ml": __version__, "platform": platform.platform()}
    for name in ("tensorflow", "tensorflow-cpu", "keras", "numpy"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # taking TensorFlow apart would take a second, and everything is written
