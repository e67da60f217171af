"""Model files made by hand, byte by byte: what frameworks write, and what an attacker would."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Runs:
    """Unpickled, it calls a function: what an attacker's pickle does."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def field(number: int, value: bytes | str | int) -> bytes:
    """One field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def node(name: str, op: str, *inputs: str, calls: str = "", texts: Mapping[str, str] | None = None) -> bytes:
    """A NodeDef; `calls` is the function in its attribute f, `texts` are further attributes."""
    parts = [field(1, name), field(2, op), *(field(3, each) for each in inputs)]
    parts.append(field(5, field(1, "dtype") + field(2, field(6, 1))))
    if calls:
        parts.append(field(5, field(1, "f") + field(2, field(10, field(1, calls)))))
    parts += [field(5, field(1, key) + field(2, field(2, text))) for key, text in (texts or {}).items()]
    return b"".join(parts)


def function(name: str, arguments: tuple[str, ...], *nodes: bytes) -> bytes:
    """A FunctionDef."""
    signature = field(1, name) + b"".join(field(2, field(1, each)) for each in arguments)
    return field(1, signature) + b"".join(field(3, each) for each in nodes)


def saved_model(
    *nodes: bytes,
    functions: tuple[bytes, ...] = (),
    saver: tuple[str, str, str] = ("", "", ""),
    outputs: tuple[str, ...] = (),
    main: tuple[str, ...] = (),
    assets: tuple[str, ...] = (),
    old_assets: tuple[str, ...] = (),
    bound: Mapping[str, tuple[int, ...]] | None = None,
    objects: tuple[int, ...] = (),
    metadata: str = "",
) -> bytes:
    """A SavedModel with one MetaGraphDef.

    Args:
        nodes: of the main graph.
        functions: of its library.
        saver: the tensors file name and save, and the operation restore, of its SaverDef.
        outputs: tensors of its signature.
        main: nodes that run at loading.
        assets: tensors that hold the paths of assets.
        old_assets: the same, where TensorFlow 1 notes them.
        bound: what its functions are bound to: numbers of objects.
        objects: the kind of each object: the number of its field.
        metadata: what Keras noted about the first object.
    """
    graph = b"".join(field(1, each) for each in nodes)
    if functions:
        graph += field(2, b"".join(field(1, each) for each in functions))
    meta = field(1, field(5, "2.21.0")) + field(2, graph)
    meta += field(3, b"".join(field(place, name) for place, name in enumerate(saver, 1) if name))
    if main:
        names = b"".join(field(1, each) for each in main)
        meta += field(4, field(1, "saved_model_main_op") + field(2, field(1, names)))
    if outputs:
        named = b"".join(field(2, field(1, each) + field(2, field(1, each))) for each in outputs)
        meta += field(5, field(1, "serving_default") + field(2, named))
    meta += b"".join(field(6, field(1, field(1, each)) + field(2, "vocabulary.txt")) for each in assets)
    if old_assets:
        packed = b"".join(field(1, field(1, "type") + field(2, field(1, field(1, each)))) for each in old_assets)
        meta += field(4, field(1, "saved_model_assets") + field(2, field(5, packed)))
    graph_of_objects = b"".join(field(1, field(kind, b"")) for kind in objects)
    if metadata:
        graph_of_objects += field(1, field(4, field(1, "_tf_keras_layer") + field(3, metadata)))
    for name, numbers in (bound or {}).items():
        packed = b"".join(map(varint, numbers))
        graph_of_objects += field(2, field(1, name) + field(2, field(2, packed)))
    meta += field(7, graph_of_objects)
    return field(1, 1) + field(2, meta)


def plain_saved_model(*nodes: bytes, **parts: Any) -> bytes:
    """As TensorFlow exports it: a function that answers, and functions that save and restore its variable.

    Args:
        nodes: further ones of the main graph.
        parts: of saved_model, where they shall be others.
    """
    return saved_model(
        node("v", "VarHandleOp"),
        node("x", "Placeholder"),
        node("call", "StatefulPartitionedCall", "x", "v", calls="answer"),
        node("filename", "Placeholder"),
        node("read", "ReadVariableOp", "v"),
        node("save", "StatefulPartitionedCall", "filename", "read", calls="traced_save"),
        node("restore", "StatefulPartitionedCall", "filename", "v", calls="traced_restore"),
        *nodes,
        functions=(
            function("answer", ("x", "v"), node("w", "ReadVariableOp", "v"), node("y", "MatMul", "x", "w:value:0")),
            function(
                "traced_save",
                ("prefix", "values"),
                node("sharded", "ShardedFilename", "prefix"),
                node("SaveV2", "SaveV2", "sharded:filename:0", "values"),
                node("merge", "MergeV2Checkpoints", "sharded:filename:0", "prefix"),
            ),
            function("traced_restore", ("prefix", "v"), node("RestoreV2", "RestoreV2", "prefix")),
        ),
        **{
            "saver": ("filename:0", "save:0", "restore"),
            "outputs": ("call:0",),
            "bound": {"answer": (0,)},
            "objects": (7,),
            **parts,
        },
    )


def layer(kind: str, module: Any = "keras.layers", registered: str | None = None, /, **config: Any) -> dict[str, Any]:
    """A layer in the form of Keras 3."""
    config.setdefault("name", kind.lower())
    return {"module": module, "class_name": kind, "config": config, "registered_name": registered}


def sequential(*layers: Any) -> dict[str, Any]:
    """A model in the form of Keras 3."""
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "model", "layers": list(layers)}}


def write_keras(path: Path, config: Any, **members: bytes) -> Path:
    """A .keras file; `members` are further ones, "__" for a dot in their names."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", config if isinstance(config, (bytes, str)) else json.dumps(config))
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(1000))
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return path


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


def onnx(
    domain: str = "", operator: str = "MatMul", location: str = "", functions: tuple[tuple[str, str], ...] = ()
) -> bytes:
    """An ONNX model with one node, and one tensor that lies elsewhere if a location is given."""
    graph = field(1, field(1, "x") + field(4, operator) + field(7, domain))
    if location:
        graph += field(5, field(13, field(1, "location") + field(2, location)))
    own = b"".join(field(25, field(1, name) + field(10, where)) for where, name in functions)
    return field(1, 9) + field(7, graph) + own
