"""Arrays that grow into an .npz file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from jenkins_ml.adapters.array_spool import ArraySpool
from jenkins_ml.errors import StageFailed

PIECES = arrays_of.array_shapes(max_dims=3, max_side=4).flatmap(
    lambda shape: st.lists(
        arrays_of.arrays(st.sampled_from(["float32", "float64", "int8", "bool"]), shape), min_size=1, max_size=4
    )
)


@given(PIECES)
def test_the_file_holds_the_pieces_one_after_the_other(tmp_path_factory, pieces):
    folder = tmp_path_factory.mktemp("spool")
    spool = ArraySpool(folder)
    for piece in pieces:
        spool.append("file", piece)  # a name that numpy.savez would take for its own
    spool.write(folder / "all.npz", {"more/x": np.arange(3), "text": np.array("a single one")})
    with np.load(folder / "all.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["file"], np.concatenate(pieces), equal_nan=True)
        assert arrays["file"].dtype == np.concatenate(pieces).dtype
        assert arrays["more/x"].tolist() == [0, 1, 2]
        assert str(arrays["text"]) == "a single one"
    assert [path.name for path in folder.iterdir()] == ["all.npz"]


def test_text_may_get_longer(tmp_path):
    spool = ArraySpool(tmp_path)
    for words in (["a"], ["longer", "b"], []):
        spool.append("word", np.array(words, object))
    spool.write(tmp_path / "all.npz", {})
    with np.load(tmp_path / "all.npz", allow_pickle=False) as arrays:
        assert arrays["word"].tolist() == ["a", "longer", "b"]


def test_rows_of_another_shape_are_refused(tmp_path):
    spool = ArraySpool(tmp_path)
    spool.append("x", np.zeros((2, 3)))
    with pytest.raises(StageFailed, match="rows of shape"):
        spool.append("x", np.zeros((2, 4)))
