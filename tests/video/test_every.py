"""Every K-th frame: the same pictures as without, the same counts, and nothing overlooked between them."""

import shutil

import numpy as np
import pytest

from tests.conftest import encode_clip, moving_picture
from tests.video.test_picture import ONE, with_matrix
from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.video import open_video


def thinned(video: Video, every: int, decoder: str = "pyav"):
    reader = open_video(video, decoder)
    frames = list(reader.frames(every))
    reader.close()
    return frames, reader.decoded


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> dict[str, Video]:
    folder = tmp_path_factory.mktemp("every")
    plain = encode_clip(folder / "plain.mp4", frames=23)
    turned = folder / "turned.mp4"
    shutil.copy(plain, turned)
    with_matrix(turned, (0, ONE, -ONE, 0))
    raw = folder / "raw.yuv"
    raw.write_bytes(np.random.default_rng(0).bytes(64 * 48 * 3 // 2 * 23))
    found = {path.stem: Video(path.stem, str(path), 1.0) for path in (plain, turned)}
    return found | {"raw": Video("raw", str(raw), 1.0, width=64, height=48)}


@pytest.mark.parametrize("name,decoder", [("plain", "pyav"), ("plain", "decord"), ("turned", "pyav"), ("raw", "pyav")])
@pytest.mark.parametrize("every", [1, 2, 7, 22, 23, 100])
def test_every_kth_frame_is_the_same_picture_and_all_are_counted(videos, name, decoder, every):
    whole, counted = thinned(videos[name], 1, decoder)
    frames, decoded = thinned(videos[name], every, decoder)
    assert [n for n, frame in enumerate(frames) if frame is not None] == list(range(0, 23, every))
    assert all(np.array_equal(frame, whole[n]) for n, frame in enumerate(frames) if frame is not None)
    assert decoded == counted and decoded.frames == 23


def test_a_frame_of_another_size_is_refused_wherever_it_stands(tmp_path):
    import av

    path = tmp_path / "a.mpg"
    parts = []
    for size in ((48, 64), (96, 128)):
        with av.open(str(tmp_path / "part.mpg"), "w", format="mpeg") as container:
            stream = container.add_stream("mpeg1video", rate=24)
            stream.height, stream.width, stream.pix_fmt, stream.gop_size = *size, "yuv420p", 1
            for picture in moving_picture(5, *size):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        parts.append((tmp_path / "part.mpg").read_bytes())
    path.write_bytes(b"".join(parts))
    for every in (1, 100):
        with pytest.raises(UserError, match=r"is 128x96, not 64x48"):
            thinned(Video("a", str(path), 1.0), every)
