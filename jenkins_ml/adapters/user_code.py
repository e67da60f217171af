"""The user's functions: found by "module:function", called with errors that name the user's own line."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jenkins_ml.errors import JenkinsMLError, StageFailed, UsageError
from jenkins_ml.names import CONFIG_FILE

Features = dict[str, np.ndarray]  # by name; a single unnamed input has the name ""


def find(reference: str, directory: Path, key: str) -> Callable[..., Any]:
    """The function that "module:function" names, imported with `directory` first on the path.

    Args:
        reference: what the configuration says.
        directory: the folder of the configuration.
        key: the configuration key, for the message ("data.load").

    Raises:
        UsageError: there is no such module or function.
        StageFailed: importing the module raised.
    """
    module_name, _, function_name = reference.partition(":")
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name == module_name.partition(".")[0] or error.name == module_name:
            raise _wrong(key, f"there is no module {module_name!r} beside {CONFIG_FILE}") from error
        raise failed(f"importing {module_name}", error, directory) from error
    except BaseException as error:
        raise failed(f"importing {module_name}", error, directory) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise _wrong(key, f"module {module_name!r} has no function {function_name!r}")
    return function  # type: ignore[no-any-return]


def call(function: Callable[..., Any], directory: Path, *arguments: Any, **named: Any) -> Any:
    """Call a user's function; whatever it raises becomes a StageFailed that names the user's line."""
    name = getattr(function, "__name__", str(function))
    try:
        inspect.signature(function).bind(*arguments, **named)
    except TypeError as error:
        given = ", ".join([*map(_short, arguments), *named])
        raise StageFailed(f"{name} cannot be called with ({given}): {error}", "make its parameters match") from error
    except ValueError:
        pass  # a builtin without a signature
    try:
        return function(*arguments, **named)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise failed(name, error, directory) from error


def failed(what: str, error: BaseException, directory: Path) -> StageFailed:
    """A StageFailed for an exception out of user code: its last line below `directory`, its type and text."""
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(directory) and "site-packages" not in path.parts:
            place = f" at {path.relative_to(directory)}:{frame.lineno}"
    text = str(error).strip().splitlines()
    return StageFailed(
        f"{what} raised {type(error).__name__}{place}: {text[0] if text else 'no message'}",
        "the traceback stands above",
    )


def evaluation_split(load: Callable[..., Any], directory: Path) -> tuple[Features, np.ndarray, str]:
    """Load the "test" split: features by name, labels, and the data digest.

    Returns:
        features, each (n, ...); labels (n, ...); SHA-256 over names, dtypes, shapes and bytes of all of them in order.

    Raises:
        StageFailed: the function raised, or returned something that is not (features, labels).
    """
    data = call(load, directory, "test")
    try:
        features, labels = arrays(data)
    except JenkinsMLError:
        raise
    except Exception as error:  # a generator of the user's raised, or its batches do not go together
        raise failed('reading what load("test") returned', error, directory) from error
    if not all(values.ndim for values in (labels, *features.values())):
        raise StageFailed('load("test") returned a single value, not one for each example', "return arrays of rows")
    counts = {len(labels), *(len(values) for values in features.values())}
    if len(counts) != 1:
        raise StageFailed(
            f'load("test") returned features and labels of different lengths: {sorted(counts)}',
            "return one label a row",
        )
    if not len(labels):
        raise StageFailed('load("test") returned no examples', "the test split must not be empty")
    return features, labels, data_digest(features, labels)


def arrays(data: Any) -> tuple[Features, np.ndarray]:
    """What `load("test")` returned, (features, labels) or an iterable of such batches, as arrays."""
    if data is None:
        raise StageFailed('load("test") returned nothing', "return (features, labels)")
    if isinstance(data, tuple | list) and len(data) == 2 and not _is_batch_list(data):
        return _features(data[0]), np.asarray(data[1])
    if not isinstance(data, Iterable) or isinstance(data, str | bytes | Mapping | np.ndarray):
        raise StageFailed(
            f'load("test") returned {type(data).__name__}',
            "return (features, labels), or an iterable of such batches",
        )
    parts = [_batch(batch) for batch in data]
    if not parts:
        raise StageFailed('load("test") returned no batches', "the test split must not be empty")
    features = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
    return features, np.concatenate([part[1] for part in parts])


def data_digest(features: Features, labels: np.ndarray) -> str:
    """SHA-256 in hexadecimal over name, dtype, shape and bytes of each array: features by name, then labels."""
    total = hashlib.sha256()
    for name, values in [*sorted(features.items()), ("labels", labels)]:
        contiguous = np.ascontiguousarray(values)
        total.update(f"{name}|{contiguous.dtype.str}|{contiguous.shape}|".encode())
        if contiguous.dtype.hasobject:
            for item in contiguous.ravel():
                encoded = item if isinstance(item, bytes) else str(item).encode()
                total.update(len(encoded).to_bytes(8, "little") + encoded)
        else:
            total.update(contiguous.tobytes())
    return total.hexdigest()


def _is_batch_list(data: tuple[Any, ...] | list[Any]) -> bool:
    """Two batches in a list look like (features, labels); only a pair of pairs is taken for batches."""
    return isinstance(data, list) and all(isinstance(item, tuple) and len(item) == 2 for item in data)


def _batch(batch: Any) -> tuple[Features, np.ndarray]:
    if not (isinstance(batch, tuple | list) and len(batch) == 2):
        raise StageFailed(
            f'load("test") returned a batch that is {type(batch).__name__}', "each batch is (features, labels)"
        )
    return _features(batch[0]), np.asarray(batch[1])


def _features(value: Any) -> Features:
    if isinstance(value, Mapping):
        return {str(name): np.asarray(item) for name, item in value.items()}
    return {"": np.asarray(value)}


def _short(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | float | bool) else type(value).__name__


def _wrong(key: str, message: str) -> UsageError:
    return UsageError(f"{CONFIG_FILE}: {key}: {message}", "correct the key, or write the function")
