"""What jobs ask for, against peaks that were measured."""

import pytest

from vqa.config import Run
from vqa.study.resources import Sizes, extract_mb, sizes, train_mb


@pytest.mark.parametrize("batch_size,peak_mb", [(16, 2380), (128, 3775)])
def test_a_training_asks_for_its_longest_batch(batch_size, peak_mb):
    """64 clips of 1,800 frames of 4096 features: the peaks of REVIEW.md, row G9."""
    asked = train_mb(Run(batch_size=batch_size), Sizes((1800,) * 64, 4096), "cpu")
    assert peak_mb < asked < 2 * peak_mb


def test_memory_of_a_training_follows_sampling_and_precision():
    whole = train_mb(Run(batch_size=64), Sizes((1800,) * 64, 4096), "cpu")
    assert train_mb(Run(batch_size=64, sampler=16), Sizes((1800,) * 64, 4096), "cpu") < whole
    assert train_mb(Run(batch_size=64, precision="bfloat16"), Sizes((1800,) * 64, 4096), "cpu") < whole


def test_a_training_asks_for_no_more_features_than_it_keeps_mapped():
    found = Sizes((240,) * 28_056, 4096)  # 55 GB
    (all_of_them, few) = (train_mb(Run(features_mb=most), found, "cpu") for most in (0, 2000))
    assert all_of_them - few == pytest.approx(28_056 * 240 * 4096 * 2 / 1e6 - 2000, abs=1)
    assert train_mb(Run(features_mb=10**6), found, "cpu") == all_of_them


def test_an_8k_frame_asks_for_its_activations():
    assert extract_mb(1000, "cpu", 7680 * 4320, 1, 1) > 10_000
    assert extract_mb(1000, "cpu", 7680 * 4320, 0, 1) < 5_000  # the network sees a crop
    assert extract_mb(1000, "cpu", None, 1, 1) == extract_mb(1000, "cpu", 1920 * 1080, 1, 1) < 3_000


def test_sizes_are_those_of_the_index(tmp_path):
    (tmp_path / "index.csv").write_text("video_id,rows,dim,checksum\na,3,8,x\nb,5,8,y\n")
    assert sizes(str(tmp_path / "index.csv"), 0) == Sizes((3, 5), 8)
    with pytest.raises(FileNotFoundError):
        sizes(str(tmp_path / "none.csv"), 0)
