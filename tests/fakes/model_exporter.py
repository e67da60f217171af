"""Writes models as TensorFlow and Keras do, with code in them and without; run by test_artefact_scan_real.py.

    python model_exporter.py FOLDER

It is a program of its own, for it registers classes and changes TensorFlow's settings. FOLDER gets name.keras, name.h5,
saved_models/name/, and truth.json with what TensorFlow itself reads in them.
"""

import json
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.framework.op_def_pb2 import OpList
from tensorflow.core.protobuf.meta_graph_pb2 import AssetFileDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.client import pywrap_tf_session

out = Path(sys.argv[1])
layers = keras.layers


def doubled(x):
    return x * 2


@keras.saving.register_keras_serializable("mine")
class Mine(layers.Layer):
    def call(self, x):
        return x + 1


class Unregistered(layers.Layer):
    def call(self, x):
        return x + 1


def sequential(shape, *stack, **options):
    return keras.Sequential([keras.Input(shape, **options), *stack])


strings, ids, floats = keras.Input((1,), dtype="string"), keras.Input((1,), dtype="int64"), keras.Input((1,))
lookup, integers = layers.StringLookup(), layers.IntegerLookup(output_mode="one_hot")
lookup.adapt(np.array(["a", "b"]))
integers.adapt(np.array([1, 2]))
buckets = layers.CategoryEncoding(num_tokens=3, output_mode="one_hot")(layers.Discretization([0.0, 1.0])(floats))
tables = layers.Concatenate()([layers.Flatten()(layers.Embedding(5, 2)(lookup(strings))), integers(ids), buckets])
words = layers.TextVectorization(max_tokens=20, output_sequence_length=8)
words.adapt(np.array(["hello world", "foo bar"]))
(out / "words.txt").write_text("a\nb\n")
from_file = layers.StringLookup(vocabulary=str(out / "words.txt"))
scaled = layers.Normalization()
scaled.adapt(np.random.rand(10, 4))
steps, four = keras.Input((8, 4)), keras.Input((4,))
attended = layers.LayerNormalization()(layers.MultiHeadAttention(2, 2)(steps, steps) + steps)
computed = keras.ops.concatenate([keras.ops.relu(layers.Dense(4)(four)) + four * 2, four], -1)[:, 1:3]
plain = sequential((4,), layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.1), layers.Dense(3))
schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
plain.compile(keras.optimizers.Adam(schedule), keras.losses.Huber(), [keras.metrics.AUC(), "mse"])
pictures = (layers.RandomFlip(), layers.Conv2D(4, 3), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10))

GOOD = {
    "plain": plain,
    "tables": keras.Model([strings, ids, floats], layers.Dense(1)(tables)),
    "text": sequential((1,), words, layers.Embedding(20, 4), layers.LSTM(4), layers.Dense(1), dtype="string"),
    "vocabulary": sequential((1,), from_file, layers.Embedding(4, 2), dtype="string"),
    "scaled": sequential((4,), scaled, layers.Rescaling(0.5), layers.Dense(1, kernel_regularizer="l2")),
    "attention": keras.Model(steps, layers.GlobalAveragePooling1D()(attended)),
    "recurrent": sequential((8, 4), layers.Bidirectional(layers.GRU(4)), layers.Dense(1)),
    "images": sequential((28, 28, 1), *pictures),
    "computed": keras.Model(four, keras.ops.mean(computed, -1, keepdims=True)),
}
for name, model in GOOD.items():
    model.export(str(out / "saved_models" / name), verbose=False)
    model.save(out / f"{name}.keras")
    model.save(out / f"{name}.h5")
plain.save_weights(out / "plain.weights.h5")

inner = sequential((4,), layers.Lambda(lambda x: x * 2, name="double"))
BAD = {
    "lambda": sequential((4,), layers.Lambda(lambda x: x * 2, name="double")),
    "nested": keras.Model(four, layers.Dense(1)(sequential((4,), inner)(four))),
    "named": sequential((4,), layers.Lambda(doubled)),
    "custom": sequential((4,), Mine()),
    "unregistered": sequential((4,), Unregistered()),
    "activation": sequential((4,), layers.Dense(1, activation=doubled)),
}
for name, model in BAD.items():
    model.save(out / f"{name}.keras")
    model.save(out / f"{name}.h5")
with h5py.File(out / "outside.h5", "w") as file:
    file.create_dataset("w", (4,), "f4", external=[("/etc/passwd", 0, 16)])
with h5py.File(out / "linked.h5", "w") as file:
    file.create_group("a")["b"] = h5py.ExternalLink("/elsewhere.h5", "/x")


class Calls(tf.Module):
    def __init__(self, kind):
        self.kind, self.v = kind, tf.Variable(1.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def __call__(self, x):  # noqa: C901 - one branch a kind
        if self.kind == "py_function":
            return tf.py_function(lambda a: a * 2, [x], tf.float32) * self.v
        if self.kind == "numpy_function":
            return tf.numpy_function(np.sin, [x], tf.float32) * self.v
        if self.kind == "deep_function":
            return tf.map_fn(
                lambda r: tf.cond(r[0] > 0, lambda: tf.numpy_function(np.sin, [r], tf.float32), lambda: r), x
            )
        if self.kind == "read_file":
            return x + tf.cast(tf.strings.length(tf.io.read_file("/etc/passwd")), tf.float32)
        if self.kind == "write_file":
            tf.io.write_file("/tmp/x", "x")
        if self.kind == "matching_files":
            return x + tf.cast(tf.size(tf.io.matching_files("/etc/*")), tf.float32)
        if self.kind == "print_to_file":
            tf.print(x, output_stream="file:///tmp/x")
        if self.kind == "save":
            tf.raw_ops.SaveV2(prefix="/tmp/x", tensor_names=["x"], shape_and_slices=[""], tensors=[x])
        if self.kind == "restore":
            return (
                x
                + tf.raw_ops.RestoreV2(prefix="/tmp/x", tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32])[
                    0
                ]
            )
        if self.kind == "table":
            table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
            tf.raw_ops.InitializeTableFromTextFileV2(
                table_handle=table, filename="/etc/passwd", key_index=-2, value_index=-1
            )
        if self.kind == "lines":
            for line in tf.data.TextLineDataset("/etc/passwd"):
                x += tf.cast(tf.strings.length(line), tf.float32)
        if self.kind == "good":
            for _ in tf.range(3):
                x *= self.v
            tf.debugging.assert_greater(x, -1e9)
            tf.print(x)
        return x * self.v


KINDS = ("good", "py_function", "numpy_function", "deep_function", "read_file", "write_file", "matching_files")
for kind in (*KINDS, "print_to_file", "save", "restore", "table", "lines"):
    module = Calls(kind)
    tf.saved_model.save(module, str(out / "saved_models" / kind), signatures={"serving_default": module.__call__})


def table_of_lines():
    index = tf.lookup.TextFileIndex
    source = tf.lookup.TextFileInitializer(
        str(out / "words.txt"), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER
    )
    return tf.lookup.StaticHashTable(source, -1)


class Tables(tf.Module):
    def __init__(self):
        self.lines = table_of_lines()
        self.values = tf.lookup.StaticVocabularyTable(
            tf.lookup.KeyValueTensorInitializer(["q"], tf.constant([0], tf.int64)), 2
        )
        self.mutable = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="x")])
    def __call__(self, x):
        return self.lines.lookup(x) + self.values.lookup(x) + self.mutable.lookup(x)


tables = Tables()
tf.saved_model.save(tables, str(out / "saved_models" / "lookup"), signatures={"serving_default": tables.__call__})

v1 = tf.compat.v1
for name, options in {"version_1": {}, "as_text": {"as_text": True}}.items():
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 4])
        y = tf.matmul(x, v1.get_variable("w", [4, 1]))
        keys = v1.placeholder(tf.string, [None])
        found = table_of_lines().lookup(keys)
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        v1.train.Saver()  # one that nobody uses
        builder = v1.saved_model.Builder(str(out / "saved_models" / name))
        signature = v1.saved_model.predict_signature_def({"x": x, "keys": keys}, {"y": y, "found": found})
        assets = v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            assets_collection=assets,
            main_op=v1.tables_initializer(),
            saver=v1.train.Saver(sharded=True),
        )
        builder.save(**options)


def listed(nodes):
    return [[node.name, node.op, list(node.input)] for node in nodes]


def old_assets(meta):
    for value in meta.collection_def["saved_model_assets"].any_list.value:
        asset = AssetFileDef()
        value.Unpack(asset)
        yield asset


shipped = OpList.FromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
graphs = {}
for folder in (out / "saved_models").iterdir():
    if (folder / "saved_model.pb").exists():
        [meta] = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs
        bodies = {
            f.signature.name: [[a.name for a in f.signature.input_arg], listed(f.node_def)]
            for f in meta.graph_def.library.function
        }
        saver = meta.saver_def
        graphs[folder.name] = {
            "nodes": listed(meta.graph_def.node),
            "functions": bodies,
            "saver": [saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name],
            "outputs": [t.name for s in meta.signature_def.values() for t in s.outputs.values()],
            "assets": [asset.tensor_info.name for asset in (*meta.asset_file_def, *old_assets(meta))],
            "bound": {name: list(f.bound_inputs) for name, f in meta.object_graph_def.concrete_functions.items()},
            "kinds": [each.WhichOneof("kind") for each in meta.object_graph_def.nodes],
        }
(out / "truth.json").write_text(
    json.dumps({"operations": [op.name for op in shipped.op], "graphs": graphs, "good": list(GOOD)})
)
