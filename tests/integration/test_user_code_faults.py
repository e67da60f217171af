"""What goes wrong in the user's code: one exit code and one message each, and nothing is kept of it."""

import pytest

from jenkins_ml import names

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("user-code")]

LOAD = "import numpy as np\ndef load(split):\n    "
ROWS = 'np.ones((8, 4), "float32")'
GOOD = f"({ROWS}, np.arange(8) % 2)"
TRAIN = "import os, signal, sys\nimport keras, numpy as np\ndef train(data):\n    "
MODEL = (
    'x = keras.Input((4,), name="x"); y = keras.layers.Dense(1, activation="sigmoid")(x); model = keras.Model(x, y); '
)


def data(expression, test=None):
    """A data.py that answers an expression, for the test split another one."""
    both = f"return {expression}" if test is None else f'return {test} if split == "test" else {expression}'
    return {"data_py": LOAD + both + "\n"}


def model(body):
    return {"model_py": TRAIN + body + "\n"}


# what is wrong -> files, exit code, words of the message
FAULTS = {
    "a module that raises when it is imported": (
        {"model_py": "x = 1\nraise RuntimeError('boom')\n"}, 1, ["importing model raised RuntimeError at model.py:2: boom", "traceback"]),
    "a module that is no Python": ({"model_py": "def train(:\n"}, 1, ["importing model raised SyntaxError", "model.py"]),
    "a module that imports what is not there": (
        {"model_py": "import nowhere_at_all\n"}, 1, ["importing model raised ModuleNotFoundError at model.py:1", "nowhere_at_all"]),
    "no such module": ({"jenkins_ml_yaml": "train: {entrypoint: 'modell:train'}"}, 2, ["train.entrypoint", "no module 'modell'"]),
    "no such function": ({"jenkins_ml_yaml": "train: {entrypoint: 'model:fit'}"}, 2, ["train.entrypoint", "no function 'fit'"]),
    "an unknown parameter": (
        {"jenkins_ml_yaml": "train: {entrypoint: 'model:train', params: {epoch: 3}}"}, 1, ["train cannot be called with", "epoch"]),
    "load raises": (data("1 / 0"), 1, ["load raised ZeroDivisionError at data.py:3: division by zero"]),
    "load returns nothing": (data("None"), 1, ['load("train") returned nothing', "return (features, labels)"]),
    "load returns nothing for the test split": (data(GOOD, "None"), 1, ['load("test") returned nothing', "return (features, labels)"]),
    "load returns a number": (data(GOOD, "7"), 1, ['load("test") returned int', "(features, labels)"]),
    "load returns rows of different lengths": (data(GOOD, "([[1, 2], [3]], [0, 1])"), 1, ['load("test")', "inhomogeneous"]),
    "load returns single values": (data(GOOD, "(1.0, 0)"), 1, ['load("test") returned a single value']),
    "load returns batches and raises": (
        data(GOOD, f"(({ROWS}[:2], [0, 1]) if number < 2 else 1 // 0 for number in range(3))"), 1, ["ZeroDivisionError at data.py:3"]),
    "load returns batches of different features": (
        data(GOOD, "iter([({'a': [1]}, [0]), ({'b': [1]}, [1])])"), 1, ['load("test")', "different kinds", "a int64", "b int64"]),
    "load returns no batches": (data(GOOD, "iter([])"), 1, ["no batches"]),
    "an empty test split": (data(GOOD, 'np.ones((0, 4), "float32"), np.ones(0, int)'), 1, ["no examples"]),
    "more features than labels": (data(GOOD, f"{ROWS}, np.arange(7) % 2"), 1, ["different lengths", "[7, 8]"]),
    "labels outside the classes": (data(GOOD, f"{ROWS}, np.arange(8) % 2 + 5"), 1, ["the labels are whole numbers other than 0 and 1"]),
    "labels that are words": (data(GOOD, f"{ROWS}, np.array(['a', 'b'] * 4)"), 1, ["labels", "not numbers", "0 ... k-1"]),
    "features of another width": (data(GOOD, 'np.ones((8, 5), "float32"), np.arange(8) % 2'), 1, ["signature does not fit", "(8, 5)"]),
    "features of another type": (data(GOOD, "np.full((8, 4), 'a'), np.arange(8) % 2"), 1, ["signature does not fit", "float32", "<U1"]),
    "features of another name": (data(GOOD, f"{{'z': {ROWS}}}, np.arange(8) % 2"), 1, ["signature does not fit", "'x'", "'z'"]),
    "two features where the model has one": (
        data(GOOD, f"{{'x': {ROWS}, 'z': {ROWS}}}, np.arange(8) % 2"), 1, ["signature does not fit", "'x', 'z'"]),
    "train raises": (model("raise ValueError('no luck\\nat all')"), 1, ["train raised ValueError at model.py:4: no luck"]),
    "train returns nothing": (model("pass"), 1, ["model:train returned NoneType, not a Keras model"]),
    "train returns a number": (model("return 42"), 1, ["model:train returned int, not a Keras model"]),
    "train leaves by sys.exit": (model("sys.exit(0)"), 1, ["train raised SystemExit at model.py:4"]),
    "train runs out of memory": (model("raise MemoryError"), 1, ["train raised MemoryError at model.py:4"]),
    "the process is killed": (model("os.kill(os.getpid(), signal.SIGKILL)"), 1, ["the train process was killed by SIGKILL", "memory"]),
    "the process crashes": (model("os.kill(os.getpid(), signal.SIGSEGV)"), 1, ["the train process was killed by SIGSEGV"]),
    "the process leaves by itself": (model("os._exit(0)"), 1, ["the train process ended without an answer"]),
    "the process leaves with a code": (model("os._exit(3)"), 1, ["the train process exited with 3"]),
    "training diverges": (
        model(MODEL + "model.compile('sgd', 'mse'); model.fit(data[0] * np.nan, data[1], epochs=2, verbose=0); return model"),
        1, ["training diverged: loss is nan in epoch 1"]),
    "predictions are NaN": (
        model(MODEL + "model.set_weights([w * np.nan for w in model.get_weights()]); return model"), 1, ["predictions of 64 of 64", "NaN"]),
    "predictions are no probabilities": (
        model(MODEL.replace(', activation="sigmoid"', "") + "model.set_weights([np.ones((4, 1)), np.ones(1)]); return model"),
        1, ["not probabilities", "sigmoid"]),
    "a model that was never built": (model("return keras.Sequential([keras.layers.Dense(1)])"), 1, ["cannot be exported", "input shape"]),
    "a model with two outputs": (
        model('x = keras.Input((4,), name="x"); return keras.Model(x, {"a": keras.layers.Dense(1)(x), "b": keras.layers.Dense(1)(x)})'),
        1, ["2 outputs", "a, b"]),
    "a model that fails on the test split": (
        model('x = keras.Input((4,), name="x"); return keras.Model(x, keras.ops.reshape(x, (7, -1)))'),
        1, ["exported model fails on rows 0 to 63 of the test split: Input to reshape"]),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(project, fault):
    files, code, words = FAULTS[fault]
    if "jenkins_ml_yaml" in files:
        project.change(names.CONFIG_FILE, 'train: {entrypoint: "model:train"}', files["jenkins_ml_yaml"])
    else:
        project.write(**files)
    done = project.call("train", run="bad")
    print(f"--- {fault}: {done.code}\n{done.error}")
    assert (done.code, done.errors) == (code, 1), done.err
    for word in words:
        assert word in done.error, done.err
    assert project.store.versions() == ()
    assert list((project.store.home / "staging").iterdir()) == []
    assert not (project.store.home / "runs" / "bad" / "train.json").exists()
