"""The user's functions: found by "module:function", called with errors that name the user's own line."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jenkins_ml.errors import StageFailed, UsageError
from jenkins_ml.names import CONFIG_FILE


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


def _short(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | float | bool) else type(value).__name__


def _wrong(key: str, message: str) -> UsageError:
    return UsageError(f"{CONFIG_FILE}: {key}: {message}", "correct the key, or write the function")
