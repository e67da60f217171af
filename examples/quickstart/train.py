"""Trains a small network and writes model.h5."""

import keras
from data import FEATURES, load

features, labels = load("train")

model = keras.Sequential(
    [
        keras.Input(shape=(FEATURES,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(features, labels, epochs=10, batch_size=32)

loss, accuracy = model.evaluate(*load("test"))
print(f"test accuracy {accuracy:.3f}, loss {loss:.3f}")

model.save("model.h5")
