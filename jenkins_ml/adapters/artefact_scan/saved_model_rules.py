"""What a SavedModel's graphs may not hold.

An operation that runs Python, touches files or the network is refused wherever it stands. Three kinds are in every
honest model, too, and are judged by where they stand, never by their names, which the author of the file chooses:

- what saves and restores variables: only as the graph's SaverDef runs it, out of reach of signatures and
  initialisation, and restoring only from the file name that the SaverDef gives;
- tables filled from a file: only from an asset of the model;
- operations that can name a file in an attribute: only where they do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from jenkins_ml.adapters.artefact_scan import operations
from jenkins_ml.adapters.artefact_scan.findings import Notes, quoted
from jenkins_ml.adapters.artefact_scan.saved_model_reader import ASSET_KIND, Function, MetaGraph, Node, node_of

_HANDS_ON: Final = frozenset(("Identity", "ReadVariableOp"))  # their first input, unchanged


def judge(graph: MetaGraph, notes: Notes) -> None:
    """Note what a graph holds that it may not."""
    view = _View(graph)
    for node in graph.nodes.values():
        _judge_anywhere(node, view, f"the node {quoted(node.name)}", notes)
        if not view.saving_in_place(node) or not view.table_in_place(node):
            _note_file(node, f"the node {quoted(node.name)}", notes)
    for function in graph.functions:
        for node in function.nodes:
            place = f"the function {quoted(function.name)}"
            _judge_anywhere(node, view, place, notes)
            if not view.saving_in_function(node, function) or not view.table_in_function(node, function):
                _note_file(node, place, notes)


def _judge_anywhere(node: Node, view: _View, place: str, notes: Notes) -> None:
    effect = operations.FORBIDDEN.get(node.op)
    if effect:
        notes.found(f"holds the operation {node.op}, which {effect}, in {place}")
    elif node.op not in operations.known() and node.op not in view.functions:
        notes.found(
            f"holds the operation {quoted(node.op) or 'without a name'}, custom code outside TensorFlow, in {place}"
        )
    harmless = operations.TELLING.get(node.op, {})
    for key, value in node.telling:
        if not harmless[key](value):
            notes.found(f"holds the operation {node.op} with the file {quoted(value)}, in {place}")


def _note_file(node: Node, place: str, notes: Notes) -> None:
    does = "fills a table from a file that is none of the model's assets"
    if node.op in operations.SAVES:
        does = "writes files where it does not save the model's variables"
    elif node.op in operations.RESTORES:
        does = "reads files where it does not restore the model's variables"
    notes.found(f"holds the operation {node.op}, which {does}, in {place}")


class _View:
    """A graph, and which parts of it run when."""

    def __init__(self, graph: MetaGraph) -> None:
        self._graph = graph
        self.functions = {function.name: function for function in graph.functions}
        self._served = self._reached(graph.roots)
        self._restored = self._reached((graph.restore,))
        self._assigned: dict[str, list[str]] = {}
        self._callers: dict[str, list[Node]] = {}
        self._called_by_functions: set[str] = set()
        for node in graph.nodes.values():
            if node.op == "AssignVariableOp" and len(node.inputs) > 1:
                self._assigned.setdefault(node_of(node.inputs[0]), []).append(node.inputs[1])
            for name in self._calls(node):
                self._callers.setdefault(name, []).append(node)
        for function in graph.functions:
            for node in function.nodes:
                self._called_by_functions.update(self._calls(node))

    def _calls(self, node: Node) -> Iterator[str]:
        yield from node.calls
        if node.op in self.functions:
            yield node.op

    def _reached(self, roots: Iterable[str]) -> set[str]:
        """The nodes of the main graph that run when these do."""
        reached: set[str] = set()
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if name not in reached and name in self._graph.nodes:
                reached.add(name)
                waiting += map(node_of, self._graph.nodes[name].inputs)
        return reached

    def saving_in_place(self, node: Node) -> bool:
        """Whether a node of the main graph that saves or restores does so for the SaverDef only; true for other nodes."""
        if node.op in operations.SAVES:
            return node.name not in self._served and node.name not in self._restored
        if node.op in operations.RESTORES:
            dead = node.name not in self._served and node.name not in self._restored
            return dead or (node.name not in self._served and self._is_checkpoint(node.inputs[:1]))
        return True

    def saving_in_function(self, node: Node, function: Function) -> bool:
        """The same for a node of a function: the SaverDef's own node must be the only one that calls it."""
        wanted = self._graph.save if node.op in operations.SAVES else self._graph.restore
        if node.op not in operations.SAVES and node.op not in operations.RESTORES:
            return True
        callers = self._callers.get(function.name, [])
        if (
            [caller.name for caller in callers] != [wanted]
            or wanted in self._served
            or self._called_elsewhere(function)
        ):
            return False
        if node.op in operations.SAVES:
            return wanted not in self._restored
        return self._is_checkpoint(self._given(node.inputs[:1], function, callers[0]))

    def table_in_place(self, node: Node) -> bool:
        """Whether a node of the main graph that fills a table from a file takes an asset; true for other nodes."""
        position = operations.TABLE_FROM_FILE.get(node.op)
        return position is None or self._is_asset(node.inputs[position : position + 1])

    def table_in_function(self, node: Node, function: Function) -> bool:
        """The same for a node of a function, whoever calls it."""
        position = operations.TABLE_FROM_FILE.get(node.op)
        if position is None:
            return True
        name = node.inputs[position : position + 1]
        if function.name in self._called_by_functions or not name or name[0] not in function.arguments:
            return False
        bound = self._graph.bound.get(function.name)
        if bound:
            place = function.arguments.index(name[0]) - len(function.arguments) + len(bound)
            kinds = self._graph.kinds
            if place < 0 or bound[place] >= len(kinds) or kinds[bound[place]] != ASSET_KIND:
                return False
        callers = self._callers.get(function.name, [])
        return all(self._is_asset(self._given(name, function, caller)) for caller in callers)

    def _called_elsewhere(self, function: Function) -> bool:
        return function.name in self._called_by_functions or function.name in self._graph.bound

    def _given(self, names: tuple[str, ...], function: Function, caller: Node) -> tuple[str, ...]:
        """What a caller hands over as the argument of that name; nothing when it is no argument."""
        if not names or names[0] not in function.arguments:
            return ()
        position = function.arguments.index(names[0])
        return caller.inputs[position : position + 1]

    def _is_checkpoint(self, names: tuple[str, ...]) -> bool:
        """Whether this input of a node of the main graph is the SaverDef's file name."""
        name = node_of(names[0]) if names else ""
        for _ in range(len(self._graph.nodes)):
            node = self._graph.nodes.get(name)
            if not self._graph.filename or node is None:
                return False
            if name == self._graph.filename:
                return True
            if node.op not in _HANDS_ON or not node.inputs:
                return False
            name = node_of(node.inputs[0])
        return False

    def _is_asset(self, names: tuple[str, ...]) -> bool:
        """Whether this input of a node of the main graph can only be the path of an asset."""
        if not names:
            return False
        waiting, seen = [node_of(names[0])], set[str]()
        while waiting:
            name = waiting.pop()
            node = self._graph.nodes.get(name)
            if name in self._graph.assets or name in seen:
                continue
            seen.add(name)
            if node is not None and node.op in _HANDS_ON and node.inputs:
                waiting.append(node_of(node.inputs[0]))
            elif node is not None and node.op == "VarHandleOp" and name in self._assigned:
                waiting += map(node_of, self._assigned[name])
            else:
                return False
        return True
