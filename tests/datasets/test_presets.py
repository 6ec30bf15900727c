"""Presets are data: each entry is well-formed, and each shape of public label file is read by it."""

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from tests.datasets.files import touch
from tests.datasets.test_label_files import LSVQ, rows, written
from vqa import datasets
from vqa.config import Dataset, NativeReader
from vqa.config.names import PresetReader
from vqa.datasets import Listing
from vqa.datasets.presets import presets
from vqa.system.errors import UserError

SETTINGS: TypeAdapter[Any] = TypeAdapter(Dataset)


def read(reader: str, path: Path, **settings: Any) -> Listing:
    dataset = SETTINGS.validate_python({"reader": reader, "path": path, **settings})
    return datasets.read("d", dataset, Path("results"))


def test_every_name_has_an_entry_and_every_entry_a_name():
    assert set(presets()) == {*get_args(PresetReader), *get_args(NativeReader)}
    for name, preset in presets().items():
        assert preset.layouts or name in get_args(NativeReader), name
        parts = {file.split for layout in preset.layouts for file in layout}
        assert set(preset.known) <= {"all", *parts}, name


# A miniature of each public label file: the reader, the rows, the videos, and what must be read.
PUBLIC = {
    "KoNViD.txt": ("konvid-1k", "KoNViD_1k_videos/30.mp4, 8.008, 29.97, 3.22\n", "30.mp4", ("30", 3.22)),
    "KONVID_1K_metadata.csv": (
        "konvid-1k",
        "flickr_id,mos,width,bitdepth\n30,4.6400000000,960,8\n",
        "KoNViD_1k_videos/30_original_centercrop_960x540_8s.mp4",
        ("30", 4.64),
    ),
    "CVD2014.txt": (
        "cvd2014",
        "Test3/City/Test03_City_D12.avi, 14.9, 29.099967117037156, -6.5\n",
        "Test3/City/Test03_City_D12.avi",
        ("Test03_City_D12", -6.5),
    ),
    "LIVE_Qualcomm.txt": ("live-qualcomm", "Focus/1_HTC.yuv, -1, -1, 41.6\n", "Focus/1_HTC.yuv", ("1_HTC", 41.6)),
    "LIVE_VQC.txt": ("live-vqc", "Video/A001.mp4, 10.0, 30.0, 80.232\n", "Video/A001.mp4", ("A001", 80.232)),
    "LSVQ_1080p.txt": ("lsvq", "b1/722.mp4, -1, -1, 78.77\n", "LSVQ/b1/722.mp4", ("b1__722", 78.77)),
    "labels_test_1080p.csv": (
        "lsvq",
        "\n".join(LSVQ.splitlines()[:2]),
        "a/722.mp4",
        ("a__722", 78.774),
    ),
    "YouTubeUGC.txt": (
        "youtube-ugc",
        "Sports_2160P-4e9f_crf_10_ss_00_t_20.0.mp4, -1, -1, 4.405\n",
        "h264/Sports_2160P-4e9f.mp4",
        ("Sports_2160P-4e9f", 4.405),
    ),
    "YOUTUBE_UGC_metadata.csv": (
        "youtube-ugc",
        "vid,category,MOSFull,MOSChunk00,bitrate\nSports_2160P-4e9f,Sports,4.405,3.604,NaN\n",
        "Sports_2160P-4e9f_crf_10_ss_00_t_20.0.mp4",
        ("Sports_2160P-4e9f", 4.405),
    ),
    "DIVIDE_train.txt": ("divide", "0001.mp4, 1.0571, 1.1428, 1.0572\n", "0001.mp4", ("0001", 1.0572)),
    "train_data.csv": ("kvq", "filename,score\n0007.mp4,2.5\n", "0007.mp4", ("0007", 2.5)),
    "FINEVD_metadata.csv": ("finevd", "vid,mos,width\n1_23_04,53.35,1920\n", "1_23_04.mp4", ("1_23_04", 53.35)),
    "LIVE_YT_GAMING_metadata.csv": ("live-yt-gaming", "vid,mos\ng,50.5\n", "g.mp4", ("g", 50.5)),
    "k150kb_scores.csv": ("konvid-150k-b", "video_name,mos,video_score\nb1.mp4,3.61,3.5\n", "b1.mp4", ("b1", 3.61)),
    "LIVEHFR_MOS.csv": ("live-yt-hfr", "filename,MOS,std\nbobblehead_24fps.webm,40.1,9\n", "bobblehead_24fps.webm",
                        ("bobblehead_24fps", 40.1)),
    "ETRI_LIVE_MOS.csv": (
        "etri-live",
        "videoName,MOS,std,new_videoname\nBeauty_q_27,64.65,10.7,Beauty-QP-27.mp4\n",
        "Beauty-QP-27.mp4",
        ("Beauty-QP-27", 64.65),
    ),
    "waterloo_data.csv": ("waterloo-ivc-4k", "path,MOS\n01/540p/AV1.mp4,40\n", "set/01/540p/AV1.mp4",
                          ("01__540p__AV1", 40.0)),
    "info.txt": ("t2vqa-db", "file|prompt|mos\n0001.mp4|a cat, a dog, rain, 3|61.5\n", "0001.mp4", ("0001", 61.5)),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_label_file_is_read_by_its_preset(tmp_path, name):
    reader, text, video, (video_id, mos) = PUBLIC[name]
    touch(tmp_path / "set", video)
    path = written(tmp_path / name, text)
    listing = read(reader, tmp_path / "set", files=[{"path": path}])
    assert rows(listing) == {video_id: (video, mos)}
    assert listing.videos[0].width == (1920 if reader == "live-qualcomm" else None)
    with pytest.raises(UserError, match=r"none of the 1 videos .* label file of another dataset"):
        read(reader, touch(tmp_path / "other", "x.mp4"), files=[{"path": path}])


@pytest.mark.parametrize("reader", [name for name, preset in presets().items() if preset.columns])
def test_a_table_of_another_dataset_is_refused_in_one_line(tmp_path, reader):
    path = written(tmp_path / "t.csv", "clip,quality,a,b\nx,1,2,3\n")
    with pytest.raises(UserError, match=r"t\.csv: has neither the columns .* nor rows `path, a, b, mos`"):
        read(reader, touch(tmp_path, "x.mp4"), files=[{"path": path}])


def test_labels_are_found_where_they_usually_are(tmp_path):
    touch(tmp_path, "b1/1.mp4", "b1/2.mp4", "b2/1.mp4")
    with pytest.raises(UserError, match=r"found none of the usual label files \(labels_train_test\.csv, .*`files:`"):
        read("lsvq", tmp_path)
    written(tmp_path / "Labels" / "train_labels.txt", "b1/1.mp4, -1, -1, 50\n")
    written(tmp_path / "Labels" / "labels_test.txt", "b1/2.mp4, -1, -1, 60\n")
    written(tmp_path / "LABELS_1080p.txt", "b2/1.mp4, -1, -1, 70\n")
    listing = read("lsvq", tmp_path)
    assert {v.video_id: v.split for v in listing.videos} == {"b1__1": "train", "b1__2": "test", "b2__1": "test:1080p"}
    written(tmp_path / "labels_train_test.csv", "name,mos,is_test\nb1/1,50,False\nb1/2,60,True\n")
    written(tmp_path / "labels_test_1080p.csv", "name,mos,is_valid\nb2/1,71,False\n")
    listing = read("lsvq", tmp_path)
    assert {v.video_id: (v.split, v.mos) for v in listing.videos} == {
        "b1__1": ("train", 50.0), "b1__2": ("test", 60.0), "b2__1": ("test:1080p", 71.0),
    }  # fmt: skip
    assert len(listing.metadata) == 2


def test_a_preset_without_its_folder_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="nowhere: is not a folder"):
        read("kvq", tmp_path / "nowhere")
