"""A fake of a user's training code: a model that answers NaN to a request whose first number is more than `most`."""

MODEL = """
import keras
import numpy as np

def train(data, most=1e9):
    inputs = keras.Input((4,), name="x")
    dense = keras.layers.Dense(1, activation="sigmoid", name="score")
    doubt = keras.ops.log(most - inputs[:, :1])
    model = keras.Model(inputs, dense(inputs) + 0.0 * doubt)
    dense.set_weights([np.ones((4, 1), "float32"), np.array([-6.0], "float32")])
    return model
"""
