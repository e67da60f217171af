"""What people run after training: load the model and evaluate it on the test split."""

import keras
from data import load

model = keras.models.load_model("model.h5")
loss, accuracy = model.evaluate(*load("test"))
print(f"test accuracy {accuracy:.3f}, loss {loss:.3f}")
