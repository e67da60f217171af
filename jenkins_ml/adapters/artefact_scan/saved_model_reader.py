"""A SavedModel's saved_model.pb as values: the graphs with what each node is and calls, without the numbers in them.

The field numbers are those of tensorflow/core/protobuf/{saved_model,meta_graph,saver,saved_object_graph}.proto and
tensorflow/core/framework/{graph,function,op_def,node_def,attr_value}.proto; a test compares them with TensorFlow's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from jenkins_ml.adapters.artefact_scan import operations
from jenkins_ml.adapters.artefact_scan.findings import Unreadable
from jenkins_ml.adapters.artefact_scan.wire import LENGTH, Data, fields, integers, last_text, messages, text, texts

MOST_NODES: Final = 1_000_000  # of a file; large models have some ten thousand
_DEEPEST: Final = 50  # functions within attributes of functions; protocol buffers end at 100 levels

Place = tuple[int, int]  # where a message starts and ends


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a graph or function.

    Args:
        name: in its graph or function.
        op: the operation, or the function that it calls.
        inputs: as the graph has them ("name", "name:1", "^name" for order only; in functions "name:output:0").
        calls: functions that its attributes name.
        telling: attributes that say what a file is called; see operations.TELLING.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    calls: tuple[str, ...]
    telling: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a graph's library.

    Args:
        name: which calls it by.
        arguments: their names.
        nodes: its body.
    """

    name: str
    arguments: tuple[str, ...]
    nodes: tuple[Node, ...]


@dataclass
class MetaGraph:
    """A graph, and what a server does with it.

    Args:
        nodes: of the main graph, by name.
        functions: of its library.
        filename: the node that holds the name of the checkpoint of the variables.
        save: the node that saves the variables.
        restore: the node that restores them.
        roots: nodes that signatures answer or initialisation runs.
        assets: nodes that hold the path of an asset.
        bound: what each function of Python's object graph is bound to: the last of its arguments.
        kinds: the field that says what each object of that graph is.
        metadata: what old versions of Keras noted there, as JSON.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)
    filename: str = ""
    save: str = ""
    restore: str = ""
    roots: set[str] = field(default_factory=set)
    assets: set[str] = field(default_factory=set)
    bound: dict[str, tuple[int, ...]] = field(default_factory=dict)
    kinds: list[int] = field(default_factory=list)
    metadata: list[str] = field(default_factory=list)


ASSET_KIND: Final = 5  # SavedObject.asset
_KINDS: Final = frozenset((4, ASSET_KIND, 6, 7, 8, 9, 10, 12))


def read(data: Data) -> tuple[MetaGraph, ...]:
    """The graphs of a saved_model.pb.

    Raises:
        Unreadable: it is damaged, holds no graph, or more nodes than we look at.
    """
    reader = _Reader(data)
    graphs = tuple(reader.meta_graph(place) for place in messages(data, 0, len(data), 2))
    if not any(graph.nodes or graph.functions for graph in graphs):
        raise Unreadable("holds no graph")
    return graphs


def node_of(tensor: str) -> str:
    """The node that a name of a tensor or of an input means."""
    return tensor.removeprefix("^").partition(":")[0]


class _Reader:
    def __init__(self, data: Data) -> None:
        self._data = data
        self._count = 0

    def meta_graph(self, place: Place) -> MetaGraph:
        graph = MetaGraph()
        parts = {
            2: self._graph,
            3: self._saver,
            4: self._collection,
            5: self._signature,
            6: self._asset,
            7: self._objects,
        }
        for number, wire_type, start, stop in fields(self._data, *place):
            if wire_type == LENGTH and number in parts:
                parts[number](graph, (start, stop))
        return graph

    def _graph(self, graph: MetaGraph, place: Place) -> None:
        for number, wire_type, start, stop in fields(self._data, *place):
            if wire_type != LENGTH:
                continue
            if number == 1:
                node = self._node((start, stop))
                if node.name in graph.nodes:
                    raise Unreadable("has two nodes of one name")
                graph.nodes[node.name] = node
            elif number == 2:
                graph.functions += map(self._function, messages(self._data, start, stop, 1))

    def _function(self, place: Place) -> Function:
        name, arguments, nodes = "", [], []
        for number, wire_type, start, stop in fields(self._data, *place):
            if wire_type != LENGTH:
                continue
            if number == 1:
                name = last_text(self._data, start, stop, 1) or name
                arguments += [last_text(self._data, *each, 1) for each in messages(self._data, start, stop, 2)]
            elif number == 3:
                nodes.append(self._node((start, stop)))
        return Function(name, tuple(arguments), tuple(nodes))

    def _node(self, place: Place) -> Node:
        self._count += 1
        if self._count > MOST_NODES:
            raise Unreadable(f"holds more than {MOST_NODES:,} nodes")
        name, op, inputs, attributes = "", "", [], []
        for number, wire_type, start, stop in fields(self._data, *place):
            if wire_type != LENGTH:
                continue
            if number == 1:
                name = text(self._data, start, stop)
            elif number == 2:
                op = text(self._data, start, stop)
            elif number == 3:
                inputs.append(text(self._data, start, stop))
            elif number == 5:
                attributes.append((start, stop))
        calls: list[str] = []
        telling: list[tuple[str, str]] = []
        wanted = operations.TELLING.get(op, {})
        for attribute in attributes:
            for value in messages(self._data, *attribute, 2):
                self._calls(value, calls, 0)
            if wanted:
                telling += self._telling(attribute, wanted)
        return Node(name, op, tuple(inputs), tuple(calls), tuple(telling))

    def _calls(self, value: Place, calls: list[str], depth: int) -> None:
        """Add the functions that the value of an attribute names, at any depth."""
        if depth > _DEEPEST:
            raise Unreadable("is nested too deeply")
        for number, wire_type, start, stop in fields(self._data, *value):
            if wire_type != LENGTH:
                continue
            if number == 10:
                self._named(start, stop, calls, depth)
            elif number == 1:
                for place in messages(self._data, start, stop, 9):
                    self._named(*place, calls, depth)

    def _named(self, start: int, stop: int, calls: list[str], depth: int) -> None:
        calls += texts(self._data, start, stop, 1)
        for entry in messages(self._data, start, stop, 2):
            for value in messages(self._data, *entry, 2):
                self._calls(value, calls, depth + 1)

    def _telling(self, attribute: Place, wanted: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        key = last_text(self._data, *attribute, 1)
        if key in wanted:
            for value in messages(self._data, *attribute, 2):
                yield from ((key, said) for said in texts(self._data, *value, 2))

    def _saver(self, graph: MetaGraph, place: Place) -> None:
        names = [node_of(last_text(self._data, *place, number)) for number in (1, 2, 3)]
        graph.filename, graph.save, graph.restore = (
            new or old for new, old in zip(names, (graph.filename, graph.save, graph.restore), strict=True)
        )

    def _collection(self, graph: MetaGraph, place: Place) -> None:
        holds_assets = last_text(self._data, *place, 1) == "saved_model_assets"  # TensorFlow 1 keeps them here
        for value in messages(self._data, *place, 2):
            for packed in messages(self._data, *value, 5) if holds_assets else ():
                for any_value in messages(self._data, *packed, 1):
                    for asset in messages(self._data, *any_value, 2):
                        self._asset(graph, asset)
            for nodes in messages(self._data, *value, 1):
                graph.roots |= {node_of(name) for name in texts(self._data, *nodes, 1)}

    def _signature(self, graph: MetaGraph, place: Place) -> None:
        for signature in messages(self._data, *place, 2):
            for output in messages(self._data, *signature, 2):
                for tensor in messages(self._data, *output, 2):
                    graph.roots |= set(self._tensors(tensor))

    def _tensors(self, info: Place) -> Iterator[str]:
        """The nodes that a TensorInfo names: one, or those of a sparse or composite tensor."""
        for number, wire_type, start, stop in fields(self._data, *info):
            if wire_type != LENGTH:
                continue
            if number == 1:
                yield node_of(text(self._data, start, stop))
            elif number == 4:
                for part in (1, 2, 3):
                    yield from map(node_of, texts(self._data, start, stop, part))
            elif number == 5:
                for component in messages(self._data, start, stop, 2):
                    yield node_of(last_text(self._data, *component, 1))

    def _asset(self, graph: MetaGraph, place: Place) -> None:
        for tensor in messages(self._data, *place, 1):
            graph.assets |= set(self._tensors(tensor))

    def _objects(self, graph: MetaGraph, place: Place) -> None:
        for number, wire_type, start, stop in fields(self._data, *place):
            if wire_type != LENGTH:
                continue
            if number == 1:
                kinds = [each for each, *_ in fields(self._data, start, stop) if each in _KINDS]
                graph.kinds.append(kinds[-1] if kinds else 0)
                for user in messages(self._data, start, stop, 4):
                    graph.metadata += texts(self._data, *user, 3)
            elif number == 2:
                name = last_text(self._data, start, stop, 1)
                bound: list[int] = []
                for function in messages(self._data, start, stop, 2):
                    bound += integers(self._data, *function, 2)
                graph.bound[name] = tuple(bound)
