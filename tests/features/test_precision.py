"""What `auto` means in a study, it means to every job, whatever the machine of a later one would choose."""

import pytest

from tests.features.test_extraction import weights  # noqa: F401 - a fixture
from vqa.config import BackboneSettings, Extraction
from vqa.features import shards
from vqa.features.extract import extract
from vqa.manifest import Video


@pytest.mark.parametrize("recorded", ["float32", "bfloat16"])
def test_a_job_computes_in_the_precision_that_the_study_recorded(tmp_path, tiny, weights, recorded):  # noqa: F811
    (tmp_path / "precision.txt").write_text(f"{recorded}\n")
    settings = BackboneSettings(), Extraction(device="cpu", threads=1)
    checkpoint, receipt = weights / "efficientnet_lite0.pth", tmp_path / "r.json"
    extract(
        [Video("a", str(tiny), 1.0)], "efficientnet_lite0", *settings, checkpoint, tmp_path, receipt, "fail",
        tmp_path / "precision.txt",
    )  # fmt: skip
    assert shards.attributes(tmp_path / "a.h5")["precision_used"] == recorded
