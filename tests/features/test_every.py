"""`every: K`: the rows are some of all rows, each at its own frame, and seconds stay seconds."""

import numpy as np
import pytest

from tests.conftest import vqa
from vqa.config import BackboneSettings, Extraction
from vqa.features import shards
from vqa.features.identity import settings_of
from vqa.manifest import Video, write_manifest

FRAMES, FPS = 70, 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_clip):
    folder = tmp_path_factory.mktemp("every")
    clip = make_clip(folder / "a.mp4", frames=FRAMES, fps=FPS)
    write_manifest(folder / "manifest.csv", [Video("a", str(clip), 1.0)])
    for name in ("efficientnet_lite0", "resnet3d18"):
        assert vqa("weights", name, "--output", folder / f"{name}.pth").returncode == 0
    return folder


def extracted(folder, backbone, *more):
    place = folder / f"{backbone}{''.join(map(str, more))}"
    done = vqa(
        "extract", "--manifest", folder / "manifest.csv", "--output", place, "--receipt", place / "receipt.json",
        "--weights", folder / f"{backbone}.pth", "--backbone", backbone, "--precision", "float32",
        "--storage", "float32", *more,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shard = place / "a.h5"
    import h5py

    with h5py.File(shard) as file:
        start = file["start"][:].tolist()
    (rows,) = shards.rows_of([shard])
    return np.array(rows.features), start, rows.rate, shards.attributes(shard)


@pytest.mark.parametrize("backbone,cube,last", [("efficientnet_lite0", 1, 69), ("resnet3d18", 16, 54)])
def test_rows_of_every_kth_are_those_of_all_and_stand_at_their_first_frame(folder, backbone, cube, last):
    features, starts, rate, _ = extracted(folder, backbone)
    assert starts == [*range(0, FRAMES - cube, cube), last] and rate == pytest.approx(FPS * (len(starts) - 1) / last)
    for every in (3, 4):
        thinned, places, rate, attributes = extracted(folder, backbone, "--every", every)
        assert places == starts[::every] and attributes["clip_stride"] == every * cube and attributes["every"] == every
        np.testing.assert_allclose(thinned, features[::every], rtol=1e-4, atol=1e-5 * np.abs(features).max())
        assert rate == pytest.approx(FPS * (len(places) - 1) / (places[-1] - places[0]))
        assert attributes["frames_decoded"] == FRAMES


def test_what_features_depend_on_names_the_network_and_every_only_where_it_thins():
    plain = settings_of("resnet50", BackboneSettings(), Extraction())
    assert settings_of("resnet50", BackboneSettings(network="resnet50"), Extraction()) == plain
    thinned = settings_of("resnet50", BackboneSettings(network="resnet50", every=16), Extraction())
    assert thinned == plain | {"every": 16}
