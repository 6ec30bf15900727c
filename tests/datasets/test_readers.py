"""Every layout of the four datasets in miniature, with real tiny videos and every known quirk."""

import csv
from pathlib import Path

import av
import h5py
import numpy as np
import pytest
import scipy.io

from tests.conftest import moving_picture
from tests.datasets.files import place
from vqa import datasets
from vqa.config import NativeDataset, TableDataset, VsfaInfoDataset
from vqa.datasets import vsfa_info
from vqa.system.errors import UserError
from vqa.video import open_video


def read(reader: str, root: Path, **settings):
    return datasets.read("d", NativeDataset(reader=reader, path=root, **settings), Path("results"))


def labels(listing) -> dict[str, float]:
    return {video.video_id: video.mos for video in listing.videos}


KONVID = {"3015": 4.64, "12893008605": 2.5, "8536919744": 1.22}


def konvid(root: Path, tiny: Path, names: str, metadata: str, where: str) -> Path:
    for flickr_id in KONVID:
        place(tiny, root / "KoNViD_1k_videos" / names.format(flickr_id))
    folder = root / where
    folder.mkdir(parents=True, exist_ok=True)
    rows = sorted(KONVID.items(), key=lambda row: row[1], reverse=metadata.endswith("mos.csv"))
    with open(folder / metadata, "w", newline="") as file:
        if metadata == "KoNViD_1k_mos.csv":
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(["flickr_id", "mos"])
            writer.writerows([flickr_id, f"{mos:.10f}"] for flickr_id, mos in rows)
        else:
            writer = csv.writer(file)
            writer.writerow(["flickr_id", "download_id", "file_name", "MOS", "ti", "si"])
            writer.writerows([i, 1, f"{i}_original_centercrop_960x540_8s.mp4", m, 4.5, 14.4] for i, m in rows)
    return root


@pytest.mark.parametrize("where", [".", "KoNViD_1k_metadata"])
@pytest.mark.parametrize("metadata", ["KoNViD_1k_mos.csv", "KoNViD_1k_attributes.csv"])
@pytest.mark.parametrize(
    "names", ["{}.mp4", "{}_original_centercrop_960x540_8s.mp4", "{}_cut_centercrop_960x540_8s.mp4"]
)
def test_konvid_joins_on_flickr_id_in_every_layout(tmp_path, tiny, names, metadata, where):
    listing = read("konvid-1k", konvid(tmp_path, tiny, names, metadata, where))
    assert labels(listing) == KONVID
    assert all(Path(video.path).name.startswith(video.video_id) for video in listing.videos)
    assert len(list(open_video(listing.videos[0]).frames())) == 4


def test_konvid_prefers_the_unrounded_scores(tmp_path, tiny):
    konvid(tmp_path, tiny, "{}.mp4", "KoNViD_1k_attributes.csv", ".")
    (tmp_path / "KoNViD_1k_mos.csv").write_text('"flickr_id","mos"\n"3015","4.6384615385"\n')
    assert labels(read("konvid-1k", tmp_path)) == {"3015": 4.6384615385}


def test_konvid_two_files_of_one_video_are_refused(tmp_path, tiny):
    konvid(tmp_path, tiny, "{}.mp4", "KoNViD_1k_mos.csv", ".")
    place(tiny, tmp_path / "old" / "3015_original_centercrop_960x540_8s.mp4")
    with pytest.raises(UserError, match=r"3015.*keep one"):
        read("konvid-1k", tmp_path)


CVD = [
    ("City", "Test01_City_D01", "71,17", "67,29"),
    ("City", "Test01_City_D02", "25,83", "-6,5"),
    ("Talking head", "Test01_Talking_Head_D01", "50,00", "51,25"),
    ("Talking head", "Test06_Talking_head_D01", "10", "93,38"),
]


def cvd2014(root: Path, where: str = "CVD2014_ratings") -> Path:
    (root / where).mkdir(parents=True, exist_ok=True)
    lines = ["Content;File_name;Original MOS;Realignment MOS;;;;", *(";".join(row) + ";;;;" for row in CVD)]
    (root / where / "Realignment_MOS.csv").write_bytes(("\r\n".join(lines + [";;;;;;;"] * 168) + "\r\n").encode())
    return root


@pytest.mark.parametrize(
    "layout",
    [
        lambda test, folder, name: f"{test}/{folder}/{name}.avi",
        lambda test, folder, name: f"{test}/{name}.avi",
        lambda test, folder, name: f"{name}.avi",
        lambda test, folder, name: f"{test}/{folder.upper()}/{name.lower()}.AVI",
    ],
)
def test_cvd2014_reads_realignment_mos_in_every_layout(tmp_path, tiny, layout):
    cvd2014(tmp_path)
    for content, name, *_ in CVD:
        place(tiny, tmp_path / layout(f"Test{int(name[4:6])}", content.replace(" ", "_"), name))
    listing = read("cvd2014", tmp_path)
    assert labels(listing) == {row[1]: float(row[3].replace(",", ".")) for row in CVD}
    assert {v.video_id: v.scene for v in listing.videos}["Test06_Talking_head_D01"] == "talking-head"


def test_cvd2014_without_the_right_column_is_refused(tmp_path):
    cvd2014(tmp_path)
    path = tmp_path / "CVD2014_ratings" / "Realignment_MOS.csv"
    path.write_bytes(path.read_bytes().replace(b"Realignment MOS", b"Aligned MOS"))
    with pytest.raises(UserError, match=r"Realignment_MOS\.csv.*'Realignment MOS'"):
        read("cvd2014", tmp_path)


def test_an_unparsable_label_names_file_and_line(tmp_path):
    cvd2014(tmp_path)
    path = tmp_path / "CVD2014_ratings" / "Realignment_MOS.csv"
    path.write_bytes(path.read_bytes().replace(b"51,25", b"n/a"))
    with pytest.raises(UserError, match=r"Realignment_MOS\.csv line 4: 'n/a'"):
        read("cvd2014", tmp_path)


QUALCOMM = {
    "0723_ManUnderTree_GS5_03_20150723_130016": ("Artifacts", 60.5, 55.0),
    "0911nightScene_5s_IMG_0160": ("Color", 16.562, 20.0),
    "0912_CheerLeader1_Note4_1": ("Color", 73.643, 70.0),
    "0912_Cheerleader1_GS6_2": ("Focus", 40.0, 45.0),
}


def qualcomm(root: Path, frames: int = 2) -> Path:
    kinds = ["Artifacts", "Color", "Exposure", "Focus", "Sharpness", "Stabilization"]
    names = np.array([[f"{name}.yuv"] for name in QUALCOMM], dtype=object)
    videos = {
        "vidNames": names,
        "distortionType": np.array([[kinds.index(row[0]) + 1] for row in QUALCOMM.values()], dtype=np.uint8),
        "distortionNames": np.array([[kind] for kind in kinds], dtype=object),
    }
    scores = {
        "unBiasedMOS": np.array([[row[1]] for row in QUALCOMM.values()]),
        "biasedMOS": np.array([[row[2]] for row in QUALCOMM.values()]),
    }
    root.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(
        root / "qualcommSubjectiveData.mat", {"qualcommVideoData": videos, "qualcommSubjectiveData": scores}
    )
    grey = np.full(1920 * 1080 * 3 // 2, 128, np.uint8).tobytes()
    for name, (folder, *_) in QUALCOMM.items():
        (root / folder).mkdir(exist_ok=True)
        (root / folder / f"{name}.yuv").write_bytes(grey * frames)
    return root


def test_live_qualcomm_reads_unbiased_mos_and_full_range_yuv(tmp_path):
    listing = read("live-qualcomm", qualcomm(tmp_path))
    assert labels(listing) == {name: row[1] for name, row in QUALCOMM.items()}
    video = listing.videos[0]
    frames = list(open_video(video).frames())
    assert len(frames) == 2 and frames[0].shape == (1080, 1920, 3)
    assert frames[0].mean() == 128  # limited range would give 130
    scenes = {v.video_id: v.scene for v in listing.videos}
    assert scenes["0911nightScene_5s_IMG_0160"] == "0911nightscene"
    assert scenes["0912_CheerLeader1_Note4_1"] == scenes["0912_Cheerleader1_GS6_2"]


def test_live_qualcomm_file_of_the_wrong_size_says_what_it_holds(tmp_path):
    listing = read("live-qualcomm", qualcomm(tmp_path))
    with open(listing.videos[1].path, "ab") as file:
        file.write(bytes(1000))
    with pytest.raises(UserError, match=r"0911nightScene.*2 whole frames of 1920x1080 and 1000 bytes more"):
        open_video(listing.videos[1])


VQC = {"A001.mp4": 80.232, "B054.mp4": 6.2237, "O002.mp4": 94.2865}


def live_vqc(root: Path, tiny: Path) -> Path:
    place(tiny, *(root / "Video" / name for name in VQC))
    names = np.array([[name] for name in VQC], dtype=object)
    scipy.io.savemat(root / "data.mat", {"video_list": names, "mos": np.array([[mos] for mos in VQC.values()])})
    return root


def test_live_vqc_is_read(tmp_path, tiny):
    assert labels(read("live-vqc", live_vqc(tmp_path, tiny))) == {k.removesuffix(".mp4"): v for k, v in VQC.items()}


def test_a_clip_that_advertises_120_fps_gives_the_frames_it_holds(tmp_path, tiny):
    root = live_vqc(tmp_path, tiny)
    with av.open(str(root / "Video" / "B054.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=120)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, picture in enumerate(moving_picture(12)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number * 4
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    video = next(v for v in read("live-vqc", root).videos if v.video_id == "B054")
    assert len(list(open_video(video).frames())) == 12


def vsfa(path: Path, names: list[str], video_format: str = "RGB") -> None:
    with h5py.File(path, "w") as file:
        references = []
        for number, name in enumerate(names):
            file[f"#refs#/{number}"] = np.array([[ord(c)] for c in name], np.uint16)
            references.append(file[f"#refs#/{number}"].ref)
        file["video_names"] = np.array([references], dtype=h5py.ref_dtype)
        file["scores"] = np.arange(1.0, len(names) + 1)[None]
        rng = np.random.default_rng(0)
        file["index"] = np.stack([rng.permutation(len(names)) + 1.0 for _ in range(10)], axis=1)
        file["ref_ids"] = np.arange(1.0, len(names) + 1)[None]
        file["width"], file["height"], file["max_len"] = np.array([[64.0]]), np.array([[48.0]]), np.array([[9.0]])
        file["video_format"] = np.array([[ord(c)] for c in video_format], np.uint16)


def test_vsfa_info_gives_videos_and_permutations(tmp_path, tiny):
    names = [f"Test1/City/Test01_City_D{i:02d}.avi" for i in range(1, 8)]
    vsfa(tmp_path / "CVD2014info.mat", names)
    place(tiny, *(tmp_path / "videos" / name for name in names))
    settings = VsfaInfoDataset(reader="vsfa-info", path=tmp_path / "CVD2014info.mat", videos=tmp_path / "videos")
    listing = datasets.read("d", settings, Path("results"))
    assert labels(listing) == {f"Test01_City_D{i:02d}": float(i) for i in range(1, 8)}
    first, second = (vsfa_info.permutation(tmp_path / "CVD2014info.mat", k) for k in (0, 1))
    assert sorted(first) == list(range(7)) and first.tolist() != second.tolist()


def test_vsfa_info_that_is_no_hdf5_is_a_user_error(tmp_path):
    (tmp_path / "info.mat").write_bytes(b"MATLAB 5.0")
    with pytest.raises(UserError, match=r"info\.mat: not a VSFA"):
        vsfa_info.read(tmp_path / "info.mat", tmp_path)


def test_one_file_is_one_video_of_a_table(tmp_path, tiny):
    (tmp_path / "table.csv").write_text(f"video_id,path,mos\na,{tiny},1\nb,{tiny.parent}/./{tiny.name},2\n")
    with pytest.raises(UserError, match=r"table\.csv: 'a' and 'b' are both .*; a video may stand once"):
        datasets.read("d", TableDataset(reader="table", path=tmp_path / "table.csv"), Path("results"))


def test_a_table_gives_any_dataset(tmp_path, tiny):
    place(tiny, tmp_path / "my videos" / "é 'quoted' {braces}.mp4", tmp_path / "-rf.mp4")
    (tmp_path / "table.csv").write_text(
        "video_id,path,mos,scene\na,my videos/é 'quoted' {braces}.mp4,3.5,park\nb,-rf.mp4,2,\n", encoding="utf-8"
    )
    listing = datasets.read("d", TableDataset(reader="table", path=tmp_path / "table.csv"), Path("results"))
    assert labels(listing) == {"a": 3.5, "b": 2.0} and listing.videos[0].scene == "park"
    assert len(list(open_video(listing.videos[1]).frames())) == 4


def test_missing_videos_are_counted_and_the_first_named(tmp_path, tiny):
    konvid(tmp_path, tiny, "{}.mp4", "KoNViD_1k_mos.csv", ".")
    for flickr_id in ("3015", "8536919744"):
        (tmp_path / "KoNViD_1k_videos" / f"{flickr_id}.mp4").unlink()
    with pytest.raises(UserError, match=r"2 of 3 videos are missing .*3015 .*8536919744"):
        read("konvid-1k", tmp_path)
    listing = read("konvid-1k", tmp_path, exclude=("3015", "8536919744"))
    assert labels(listing) == {"12893008605": 2.5} and listing.excluded == ["3015", "8536919744"]


@pytest.mark.parametrize(
    "reader,names",
    [
        ("konvid-1k", ["KoNViD_1k_mos.csv", "KoNViD_1k_attributes.csv", "KoNViD_1k_metadata"]),
        ("cvd2014", ["Realignment_MOS.csv", "CVD2014_ratings"]),
        ("live-qualcomm", ["qualcommSubjectiveData.mat"]),
        ("live-vqc", ["data.mat"]),
    ],
)
def test_missing_metadata_says_what_was_looked_for_and_where(tmp_path, reader, names):
    with pytest.raises(UserError) as caught:
        read(reader, tmp_path)
    for name in (*names, str(tmp_path)):
        assert name in str(caught.value)
    with pytest.raises(UserError, match="not a folder"):
        read(reader, tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0 MAT-file" + bytes(200), b"garbage" * 100])
def test_broken_mat_files_are_user_errors(tmp_path, content):
    (tmp_path / "data.mat").write_bytes(content)
    with pytest.raises(UserError, match=r"data\.mat"):
        read("live-vqc", tmp_path)


def test_a_duplicated_row_is_refused(tmp_path, tiny):
    konvid(tmp_path, tiny, "{}.mp4", "KoNViD_1k_mos.csv", ".")
    with open(tmp_path / "KoNViD_1k_mos.csv", "a") as file:
        file.write('"3015","1.0"\n')
    with pytest.raises(UserError, match="3015"):
        read("konvid-1k", tmp_path)
