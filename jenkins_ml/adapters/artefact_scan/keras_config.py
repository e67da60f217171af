"""Which code a Keras configuration asks for.

It is JSON, and stands in .keras and .h5 files and, as a note, in old SavedModels. An object is a mapping with
`class_name` and `config`. With `module` it is in the form of Keras 3 (and 2.12 and later), without it in the older one,
where a bare name has to be one of Keras' own (keras_names.txt).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jenkins_ml.adapters.artefact_scan import operations
from jenkins_ml.adapters.artefact_scan.findings import Notes, Unreadable, quoted

LONGEST: Final = 16 * 2**20  # bytes of a configuration; those of models with a thousand layers take 2 MiB
_MOST_OBJECTS: Final = 1_000_000  # mappings and lists

# Keras' own modules with what models are made of. Not among them: those that load files, fetch them or change settings.
_MODULES: Final = re.compile(
    r"keras(\.src)?(\.(layers|models|activations|initializers|regularizers|constraints|losses|metrics|optimizers"
    r"|dtype_policies|mixed_precision|quantizers|random|ops|backend|engine|trainers|distillation|legacy\.layers)(\.[\w.]*)?)?"
)
_FUNCTIONS: Final = re.compile(
    r"keras(\.src)?\.(activations|initializers|regularizers|constraints|losses|metrics|ops)(\.[\w.]*)?"
)
_PLAIN: Final = frozenset(
    ("tuple", "list", "dict", "set", "slice", "range", "int", "float", "bool", "str", "bytes", "NoneType", "ellipsis")
)
# What Keras writes for values; none of them names code. TensorFlow's type specifications name their class by module.
_VALUES: Final = frozenset(
    (
        "__keras_tensor__",
        "__tensor__",
        "__numpy__",
        "__bytes__",
        "__ellipsis__",
        "__slice__",
        "__tuple__",
        "TensorShape",
    )
)
_CARRIERS: Final[Mapping[str, str]] = {
    "Lambda": "a Lambda layer, which runs Python code from the file",
    "TorchModuleWrapper": "a TorchModuleWrapper, which unpickles a PyTorch module",
    "TFSMLayer": "a TFSMLayer, which loads another model from a path",
    "JaxLayer": "a JaxLayer, which calls functions from outside Keras",
    "FlaxLayer": "a FlaxLayer, which calls functions from outside Keras",
}
_VOCABULARIES: Final = frozenset(("StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup"))


def parse(data: bytes | str) -> Any:
    """A configuration out of its JSON.

    Raises:
        Unreadable: it is none, longer than we read, or nested deeper.
    """
    try:
        return value(data)
    except ValueError as error:
        raise Unreadable("holds a configuration that is no JSON") from error


def value(data: bytes | str) -> Any:
    """The value of any JSON.

    Raises:
        ValueError: it is none.
        Unreadable: it is longer than we read, or nested deeper.
    """
    if len(data) > LONGEST:
        raise Unreadable(f"holds a configuration of {len(data):,} bytes, more than is read")
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    if text.count("[") + text.count("{") > _MOST_OBJECTS:  # before each of them takes memory
        raise Unreadable(f"holds a configuration of more than {_MOST_OBJECTS:,} objects")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise Unreadable("holds a configuration that is nested too deeply") from error


def judge(config: Any, notes: Notes, *, traced: bool = False) -> None:
    """Note the code that a configuration asks for.

    Args:
        config: its value.
        notes: of the file.
        traced: whether the file also holds what each layer does as a graph, as SavedModels do: classes of others are
            then no reason to refuse it.

    """
    for mapping, near in _mappings(config):
        if mapping.get("function_type") == "lambda":
            notes.found(f"holds Python bytecode ({_place({'config': mapping}, near)})")
        name = mapping.get("class_name")
        if "class_name" not in mapping or "config" not in mapping:
            continue
        problem = _problem(name, mapping, traced) if isinstance(name, str) else "an object whose class has no name"
        if problem:
            notes.found(f"holds {problem} ({_place(mapping, near)})")


def is_model(config: Any) -> bool:
    """Whether a JSON value is the configuration of a Keras object."""
    return isinstance(config, dict) and "class_name" in config and "config" in config


def _mappings(config: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every mapping in it, at any depth, with the name of the object that it is part of."""
    waiting: list[tuple[Any, str]] = [(config, "")]
    while waiting:
        part, near = waiting.pop()
        if isinstance(part, dict):
            yield part, near
            name = part.get("name")
            near = name if isinstance(name, str) else near
            waiting += ((each, near) for each in reversed(part.values()) if isinstance(each, (dict, list)))
        elif isinstance(part, list):
            waiting += ((each, near) for each in reversed(part) if isinstance(each, (dict, list)))


def _place(described: Mapping[str, Any], near: str) -> str:
    config = described.get("config")
    own = config.get("name") if isinstance(config, dict) else None
    name = own if isinstance(own, str) else near
    return f"in {quoted(name)}" if name else "at the top"


def _problem(name: str, described: Mapping[str, Any], traced: bool) -> str:
    """What is wrong with an object, or an empty text."""
    config = described["config"]
    if name == "__lambda__":
        return "Python bytecode of a lambda function"
    if name in _CARRIERS:
        return _CARRIERS[name]
    if name in _VOCABULARIES and isinstance(config, dict) and isinstance(config.get("vocabulary"), str):
        return f"a {name} layer that reads the file {quoted(config['vocabulary'])}"
    if traced or name in _VALUES:
        return ""
    if "module" not in described:
        return "" if name in _names() else f"the class {quoted(name)}, custom code outside Keras"
    module = described["module"]
    if name == "__typespec__":
        plain = isinstance(module, str) and module.startswith("tensorflow.python.")
        return "" if plain else f"a type of the module {quoted(str(module))}, custom code outside TensorFlow"
    if name == "function":
        return _function_problem(module, described)
    return _class_problem(name, module, described)


def _function_problem(module: Any, described: Mapping[str, Any]) -> str:
    name = described["config"]
    registered = described.get("registered_name")
    if not isinstance(name, str):
        return "a function without a name"
    if registered in (None, "", "function", name):
        if module == "builtins" and name in _names():
            return ""
        if isinstance(module, str) and _FUNCTIONS.fullmatch(module):
            return ""
    return f"the function {quoted(name)}, custom code outside Keras' layers"


def _class_problem(name: str, module: Any, described: Mapping[str, Any]) -> str:
    registered = described.get("registered_name")
    if registered not in (None, "", name):
        return f"the registered class {quoted(str(registered))}, custom code outside Keras"
    if module == "builtins" and name in _PLAIN:
        return ""
    if isinstance(module, str) and _MODULES.fullmatch(module) and name[:1].isupper():
        return ""
    if (module, name) == ("keras.utils", "FeatureSpace"):
        return ""
    where = f" of the module {quoted(str(module))}" if module else ""
    return f"the class {quoted(name)}{where}, custom code outside Keras' layers"


@functools.cache
def _names() -> frozenset[str]:
    return operations.listed("keras_names.txt")
