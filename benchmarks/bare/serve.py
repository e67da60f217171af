"""What people run to serve: load the model, export a SavedModel, load that and answer one query."""

import keras
import tensorflow as tf
from data import load

model = keras.models.load_model("model.h5")
model.export("exported")
served = tf.saved_model.load("exported")
features, _ = load("test")
print(served.signatures["serving_default"](tf.constant(features[:1])))
