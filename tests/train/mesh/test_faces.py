import numpy as np
import pytest

from opensonic.train.mesh.faces import TRAIN_SPLIT, VALIDATION_SPLIT, read_faces, source_class


@pytest.mark.parametrize(
    ("source", "origin", "letter"),
    [
        ("sfhq", "sfhq:x", "A"),
        ("muxspace", "muxspace:x", "C"),
        ("leafac", "leafac:0", "B"),
        ("apsg2", "apsg2:x", "B"),
        ("stylised", "sfhq_t2i:x|oil_sfhq_t2i_x", "A"),
        ("stylised", "leafac:209|toon_leafac_209_0", "B"),
        ("stylised", "muxspace:x", "B"),
        ("unheard_of", "unheard_of:x", "B"),
    ],
)
def test_class_decides_who_may_train(source, origin, letter):
    assert source_class(source, origin) == letter


def test_only_rows_of_the_split_and_the_classes_are_read(shared):
    folder = shared / "faces"
    if not (folder / "mesh_labels.npz").is_file():
        pytest.skip("../shared/faces is not there")
    train = read_faces(folder, TRAIN_SPLIT, every=97)
    check = read_faces(folder, VALIDATION_SPLIT, "B", every=17)

    assert train.images.shape[1:] == (256, 256, 3)
    assert {"leafac", "apsg2", "apsg2_paint", "animegan3"}.isdisjoint(train.sources)
    assert {"sfhq", "sfhq_t2i", "muxspace", "chandrika"}.isdisjoint(check.sources)
    assert np.isfinite(train.landmarks).all()
