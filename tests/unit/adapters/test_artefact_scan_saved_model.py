"""SavedModels: what their graphs may not hold, and what only in its place."""

import json

import pytest

from jenkins_ml.adapters.artefact_scan import operations, saved_model_reader, scan
from tests.fakes.artefacts import field, function, layer, node, plain_saved_model, saved_model

ANSWER = node("call", "StatefulPartitionedCall", "x", calls="answer")


def found(folder, content):
    folder.mkdir(exist_ok=True)
    (folder / "saved_model.pb").write_bytes(content)
    result = scan(folder)
    assert result.scanned == ("saved_model.pb",)
    return [finding.what for finding in result.findings]


def unread(folder, content):
    (folder / "saved_model.pb").write_bytes(content)
    result = scan(folder)
    assert result.scanned == ()
    [finding] = result.findings
    return finding.what


def test_a_plain_one_is_fine(tmp_path):
    assert found(tmp_path, plain_saved_model()) == []


@pytest.mark.parametrize("operation", sorted(operations.FORBIDDEN))
def test_forbidden_operations_are_found_wherever_they_stand(tmp_path, operation):
    says = f"saved_model.pb holds the operation {operation}, which {operations.FORBIDDEN[operation]}, in the "
    assert found(tmp_path, saved_model(node("n", operation))) == [says + "node n"]
    body = function("f", ("x",), node("a", "Identity", "x"), node("n", operation))
    assert found(tmp_path, saved_model(ANSWER, functions=(body,))) == [says + "function f"]


def test_operations_that_tensorflow_does_not_ship_are_custom_code(tmp_path):
    what = "holds the operation Evil, custom code outside TensorFlow, in the node n"
    assert found(tmp_path, saved_model(node("n", "Evil"))) == [f"saved_model.pb {what}"]
    own = saved_model(node("n", "Evil"), functions=(function("Evil", (), node("a", "NoOp")),))
    assert found(tmp_path, own) == []  # its own function, called by its name
    elsewhere = own + field(2, field(2, field(1, node("n", "Evil"))))
    assert found(tmp_path, elsewhere) == [f"saved_model.pb {what}"]
    assert "operation without a name" in found(tmp_path, saved_model(node("n", "")))[0]


def test_a_function_does_not_make_a_forbidden_operation_harmless(tmp_path):
    content = saved_model(node("n", "PyFunc"), functions=(function("PyFunc", (), node("a", "NoOp")),))
    assert len(found(tmp_path, content)) == 1


@pytest.mark.parametrize(
    ("operation", "attribute", "good", "bad"),
    [
        ("PrintV2", "output_stream", "stderr", "file:///tmp/x"),
        ("FixedUnigramCandidateSampler", "vocab_file", "", "/etc/passwd"),
        ("DecodeProtoV2", "descriptor_source", "local://", "/etc/x"),
        ("EncodeProto", "descriptor_source", "bytes://x", "/etc/x"),
    ],
)
def test_attributes_that_name_a_file(tmp_path, operation, attribute, good, bad):
    assert found(tmp_path, saved_model(node("n", operation, texts={attribute: good}))) == []
    [what] = found(tmp_path, saved_model(node("n", operation, texts={attribute: bad})))
    assert what == f"saved_model.pb holds the operation {operation} with the file {bad}, in the node n"


WRITES = "holds the operation SaveV2, which writes files where it does not save the model's variables"
READS = "holds the operation RestoreV2, which reads files where it does not restore the model's variables"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (plain_saved_model(outputs=("save:0",)), WRITES),
        (plain_saved_model(main=("save",)), WRITES),
        (plain_saved_model(node("y", "Identity", "call", "^save"), outputs=("y:0",)), WRITES),
        (plain_saved_model(node("z", "PartitionedCall", "x", "v", calls="traced_save"), outputs=("z:0",)), WRITES),
        (plain_saved_model(node("z", "traced_save", "x", "v")), WRITES),
        (plain_saved_model(bound={"traced_save": (0,)}), WRITES),
        (plain_saved_model(saver=("filename:0", "save:0", "save")), WRITES),  # loading must not write
        (plain_saved_model(saver=("", "", "")), WRITES),
        (plain_saved_model(node("n", "SaveV2"), outputs=("n:0",)), WRITES),
        (plain_saved_model(outputs=("restore:0",)), READS),
        (plain_saved_model(saver=("x:0", "save:0", "restore")), READS),
        (plain_saved_model(node("n", "RestoreV2"), main=("n",)), READS),
    ],
    ids=range(12),
)
def test_saving_and_restoring_is_for_the_saver_only(tmp_path, content, says):
    assert any(says in what for what in found(tmp_path, content))


@pytest.mark.parametrize(
    "value",
    [
        field(10, field(1, "traced_save")),
        field(1, field(9, field(1, "traced_save"))),
        field(10, field(1, "answer") + field(2, field(1, "f") + field(2, field(10, field(1, "traced_save"))))),
    ],
    ids=["one", "in a list", "within another"],
)
def test_functions_anywhere_in_attributes_count_as_called(tmp_path, value):
    calling = field(1, "n") + field(2, "NoOp") + field(5, field(1, "f") + field(2, value))
    assert WRITES in found(tmp_path, plain_saved_model(calling))[0]


def test_attributes_nested_too_deeply(tmp_path):
    value = field(10, field(1, "answer"))
    for _ in range(80):
        value = field(10, field(1, "answer") + field(2, field(1, "f") + field(2, value)))
    deep = field(1, "n") + field(2, "NoOp") + field(5, field(1, "f") + field(2, value))
    assert unread(tmp_path, plain_saved_model(deep)) == "saved_model.pb could not be scanned: it is nested too deeply"


def with_restore(prefix, *nodes, arguments=("prefix", "v"), bound=None, extra=()):
    """A model whose restoring function takes this input as the file's name."""
    return saved_model(
        node("filename", "Placeholder"),
        *nodes,
        node("restore", "StatefulPartitionedCall", "filename", "v", calls="restoring"),
        functions=(function("restoring", arguments, node("r", "RestoreV2", prefix)), *extra),
        saver=("filename:0", "", "restore"),
        bound=bound,
    )


def test_restoring_takes_the_savers_file_only(tmp_path):
    assert found(tmp_path, with_restore("prefix")) == []
    assert len(found(tmp_path, with_restore("Const:output:0"))) == 1
    assert len(found(tmp_path, with_restore("v"))) == 1
    assert len(found(tmp_path, with_restore("prefix", node("again", "PartitionedCall", "v", calls="restoring")))) == 1
    assert len(found(tmp_path, with_restore("prefix", bound={"restoring": ()}))) == 1
    other = function("other", (), node("c", "PartitionedCall", calls="restoring"))
    assert len(found(tmp_path, with_restore("prefix", extra=(other,)))) == 1


def version_1(*nodes, **parts):
    """As TensorFlow 1 writes it: all in the main graph."""
    return saved_model(
        node("x", "Placeholder"),
        node("y", "Relu", "x"),
        node("save/Const", "PlaceholderWithDefault", "save/filename"),
        node("save/SaveV2", "SaveV2", "save/Const"),
        node("save/Identity", "Identity", "save/Const", "^save/SaveV2"),
        node("save/RestoreV2", "RestoreV2", "save/Const"),
        node("save/restore_all", "NoOp", "^save/RestoreV2"),
        *nodes,
        **{"saver": ("save/Const:0", "save/Identity:0", "save/restore_all"), "outputs": ("y:0",), **parts},
    )


def test_the_form_of_tensorflow_1(tmp_path):
    assert found(tmp_path, version_1()) == []
    dead = (node("save_1/SaveV2", "SaveV2", "c"), node("save_1/RestoreV2", "RestoreV2", "c"))
    assert found(tmp_path, version_1(*dead)) == []  # of a saver that nobody runs any more
    assert len(found(tmp_path, version_1(outputs=("save/Identity:0",)))) == 1
    assert len(found(tmp_path, version_1(main=("save/restore_all",)))) == 1
    assert len(found(tmp_path, version_1(node("z", "Identity", "y", "^save/SaveV2"), outputs=("z",)))) == 1
    assert len(found(tmp_path, version_1(saver=("save/Const:0", "", "save/Identity")))) == 1
    assert len(found(tmp_path, version_1(saver=("x:0", "save/Identity:0", "save/restore_all")))) == 1


def table(*nodes, filename="path", bound=None, objects=(5,), assets=("asset:0",), extra=()):
    """A model whose table is filled from a file."""
    return saved_model(
        node("asset", "Placeholder"),
        node("handle", "HashTableV2"),
        *nodes,
        functions=(
            function("fill", ("table", "path"), node("i", "InitializeTableFromTextFileV2", "table", filename)),
            *extra,
        ),
        assets=assets,
        bound=bound,
        objects=objects,
    )


FILL = node("fill", "StatefulPartitionedCall", "handle", "asset", calls="fill")
BY_VARIABLE = (
    node("variable", "VarHandleOp"),
    node("assign", "AssignVariableOp", "variable", "asset"),
    node("read", "ReadVariableOp", "variable", "^assign"),
    node("fill", "StatefulPartitionedCall", "handle", "read", calls="fill"),
)


def test_a_table_is_filled_from_an_asset(tmp_path):
    assert found(tmp_path, table(FILL)) == []
    assert found(tmp_path, table(*BY_VARIABLE, bound={"fill": (1, 0)}, objects=(5, 10))) == []
    direct = (node("asset", "Const"), node("i", "InitializeTableFromTextFileV2", "table", "asset"))
    assert found(tmp_path, saved_model(*direct, assets=("asset:0",))) == []
    assert found(tmp_path, saved_model(*direct, old_assets=("asset:0",))) == []


@pytest.mark.parametrize(
    "content",
    [
        table(FILL, filename="Const:output:0"),
        table(FILL, assets=()),
        table(node("c", "Const"), node("fill", "PartitionedCall", "handle", "c", calls="fill")),
        table(node("fill", "PartitionedCall", "handle", calls="fill")),
        table(*BY_VARIABLE, node("c", "Const"), node("again", "AssignVariableOp", "variable", "c")),
        table(FILL, bound={"fill": (0, 1)}, objects=(5, 9)),
        table(FILL, bound={"fill": (0, 7)}, objects=(5, 9)),
        table(FILL, extra=(function("g", (), node("c", "PartitionedCall", "a", "b", calls="fill")),)),
        saved_model(node("c", "Const"), node("i", "InitializeTableFromTextFile", "table", "c")),
        saved_model(node("i", "InitializeTableFromTextFile", "table")),
    ],
    ids=range(10),
)
def test_or_it_is_refused(tmp_path, content):
    [what] = found(tmp_path, content)
    assert "fills a table from a file that is none of the model's assets" in what


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\x0f", "is not what a protocol buffer looks like"),
        (field(1, 1), "holds no graph"),
        (field(2, b""), "holds no graph"),
        (saved_model(), "holds no graph"),
        (plain_saved_model()[:-1], "ends too early"),
        (plain_saved_model() + b"\x0b", "is not what a protocol buffer looks like"),
        (plain_saved_model() + b"\x00\x00", "is not what a protocol buffer looks like"),
        (plain_saved_model() + b"\xff" * 11, "is not what a protocol buffer looks like"),
        (saved_model(node("n", "NoOp"), node("n", "Relu")), "has two nodes of one name"),
    ],
    ids=range(10),
)
def test_damaged_files_are_refused(tmp_path, content, reason):
    assert unread(tmp_path, content) == f"saved_model.pb could not be scanned: it {reason}"


def test_too_many_nodes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model_reader, "MOST_NODES", 5)
    many = saved_model(*(node(str(number), "NoOp") for number in range(6)))
    assert "more than 5 nodes" in unread(tmp_path, many)


@pytest.mark.parametrize("name", ["saved_model.pbtxt", "saved_model.cpb"])
def test_other_forms_of_a_saved_model_are_refused(tmp_path, name):
    found(tmp_path, plain_saved_model())
    (tmp_path / name).write_bytes(b"meta_graphs {}")
    [finding] = scan(tmp_path).findings
    assert finding.what.startswith(f"{name} could not be scanned: it is a SavedModel ")


def test_a_saved_model_may_lie_deeper(tmp_path):
    (tmp_path / "assets.extra" / "a").mkdir(parents=True)
    found(tmp_path, plain_saved_model())
    (tmp_path / "assets.extra" / "a" / "saved_model.pb").write_bytes(saved_model(node("n", "WriteFile")))
    result = scan(tmp_path)
    assert len(result.scanned) == 2
    assert "a/saved_model.pb holds the operation WriteFile" in result.findings[0].what


BYTECODE = layer("Lambda", name="double", function_type="lambda")


def test_what_keras_2_noted_is_read(tmp_path):
    good, bad = json.dumps(layer("My", None, "pkg>My")), json.dumps(BYTECODE)
    assert found(tmp_path, saved_model(node("n", "NoOp"), metadata=good)) == []
    assert "Lambda layer" in found(tmp_path, saved_model(node("n", "NoOp"), metadata=bad))[0]
    found(tmp_path, plain_saved_model())
    notes = tmp_path / "keras_metadata.pb"
    notes.write_bytes(field(1, field(2, 0) + field(3, "root") + field(5, good)))
    assert (scan(tmp_path).findings, len(scan(tmp_path).scanned)) == ((), 2)
    notes.write_bytes(field(1, field(5, good)) + field(1, field(5, bad)))
    assert [finding.what for finding in scan(tmp_path).findings] == [
        "keras_metadata.pb holds a Lambda layer, which runs Python code from the file (in double)",
        "keras_metadata.pb holds Python bytecode (in double)",
    ]
    notes.write_bytes(field(1, field(5, "no json")))
    assert "could not be scanned" in scan(tmp_path).findings[0].what


def test_numbers_in_the_graph_are_not_looked_at(tmp_path):
    tensor = field(4, bytes(range(256)) * 4000)
    constant = field(1, "c") + field(2, "Const") + field(5, field(1, "value") + field(2, field(8, tensor)))
    assert found(tmp_path, saved_model(constant)) == []
