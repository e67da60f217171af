"""A fake of TensorFlow that is not installed."""

raise ImportError("there is no TensorFlow in this test")
