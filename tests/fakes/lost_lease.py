"""A fake of the worst moment: a deployer loses its lease between looking and writing, and does not know it."""

import contextlib


@contextlib.contextmanager
def lost_at(first, second, kind, monkeypatch):
    """`first` holds the lease; as soon as it patches an object of that kind, `second` takes it over, until the end of the block."""
    with first.hold("the first deployer"):
        holding = first._writer.holding
        monkeypatch.setattr(holding, "check", lambda: None)  # it believes that it still holds it
        monkeypatch.setattr(holding, "renew", lambda patience=None: None)
        patch = first.api.patch

        def late(asked, *arguments):
            if asked is kind and second._writer.holding is None:
                held.__enter__()
            return patch(asked, *arguments)

        held = second.hold("the second deployer")
        monkeypatch.setattr(first.api, "patch", late)
        yield
        held.__exit__(None, None, None)
