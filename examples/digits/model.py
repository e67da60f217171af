"""A small network that reads a digit."""

import keras


def build(hidden):
    pixels = keras.Input((64,), name="pixels")
    layer = keras.layers.Dense(hidden, activation="tanh")(pixels)
    return keras.Model(pixels, keras.layers.Dense(10, activation="softmax", name="digit")(layer))


def train(data, epochs, hidden, seed=0):
    features, labels = data
    keras.utils.set_random_seed(seed)
    model = build(hidden)
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(features, labels, epochs=epochs, batch_size=64, validation_split=0.1, verbose=2)
    return model
