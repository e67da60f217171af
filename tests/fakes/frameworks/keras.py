"""A fake of Keras that is not installed."""

raise ImportError("there is no Keras in this test")
