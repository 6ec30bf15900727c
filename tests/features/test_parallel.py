"""Several videos decoded at once: the same rows, in bounded memory, and none waits for another."""

import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from tests.features.test_extraction import dataset, weights  # noqa: F401 - fixtures
from vqa.backbones import create
from vqa.features import stream
from vqa.features.clips import Batch, Clip, Failed, Source
from vqa.features.network import Network
from vqa.features.prefetch import prefetch
from vqa.manifest import Video
from vqa.system.errors import RunError, UserError
from vqa.video.reader import Decoded, Header


class Sums:
    """An extractor of one number a frame: the sum of its pixels. large: more frames at once do not fit."""

    mean = torch.zeros(3)
    clip_length = 1

    def __init__(self, large: int = 1000):
        self.large, self.calls = large, []

    def __call__(self, frames):
        self.calls.append(len(frames))
        if len(frames) > self.large:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return frames.float().flatten(1).sum(1, keepdim=True)

    def batch_size(self, pixels, memory_mb):
        return 4


def clip(video: Video) -> Clip:
    return Clip(video, Header(2, 2, 24.0, None, "rgb24"), Decoded(), "fake", Source(0, 0, ""))


def frames_of(video: Video) -> list[np.ndarray]:
    number = int(video.video_id)
    return [np.full((2, 2, 3), 10 * number + t, np.uint8) for t in range(3 + 2 * number)]


def fake_decoding(monkeypatch, wait=lambda video: None, bad=()):
    def batches(video, network, decoder, every, watched):
        frames = frames_of(video)
        for first in range(0, len(frames), 2):
            wait(video)
            starts = list(range(first, min(first + 2, len(frames))))
            yield Batch(starts, torch.from_numpy(np.stack([frames[t] for t in starts])))
        if video.video_id in bad:
            raise UserError(video.path)
        yield clip(video)

    monkeypatch.setattr(stream, "batches", batches)


VIDEOS = [Video(str(n), f"{n}.mp4", 1.0) for n in range(7)]


@pytest.mark.parametrize("decoders", [1, 2, 3, 9])
def test_every_video_has_its_own_rows_however_many_are_decoded_at_once(monkeypatch, decoders):
    fake_decoding(monkeypatch, wait=lambda video: time.sleep(0.001 * (int(video.video_id) % 3)), bad={"2", "5"})
    made, failed = {}, []
    for found in stream.stream(VIDEOS, Network(Sums(), 100, decoders=decoders), "pyav"):
        if isinstance(found, Failed):
            failed.append(found.video.video_id)
            continue
        done, features = found
        made[done.video.video_id] = (np.concatenate(list(features.chunks())), features.starts)
    assert sorted(failed) == ["2", "5"] and sorted(made) == ["0", "1", "3", "4", "6"]
    for video in VIDEOS:
        if video.video_id in made:
            rows, starts = made[video.video_id]
            assert rows[:, 0].tolist() == [float(frame.sum()) for frame in frames_of(video)]
            assert starts == list(range(len(rows)))


def test_who_looks_on_has_left_a_video_before_its_failure_waits_to_be_written(monkeypatch):
    fake_decoding(monkeypatch, bad={"0"})
    left = []

    @contextmanager
    def watching(slot, number, video):
        try:
            yield iter
        finally:
            left.append(number)

    for found in stream.stream(VIDEOS[:1], Network(Sums(), 100, decoders=1), "pyav", watching=watching):
        assert isinstance(found, Failed) and left == [0]


def test_a_video_whose_decoder_waits_holds_up_no_other(monkeypatch):
    others, order, told = threading.Event(), [], []
    fake_decoding(monkeypatch, wait=lambda video: video.video_id == "0" and told.append(others.wait(30)))
    for done, _ in stream.stream(VIDEOS, Network(Sums(), 100, decoders=2), "pyav"):
        order.append(done.video.video_id)
        if len(order) == len(VIDEOS) - 1:
            others.set()
    assert order == ["1", "2", "3", "4", "5", "6", "0"] and all(told)


def test_what_is_left_unfinished_closes_its_files(monkeypatch):
    fake_decoding(monkeypatch)
    spools = []

    def spool():
        spools.append(stream.Features())
        return spools[-1]

    found = stream.stream(VIDEOS, Network(Sums(), 100, decoders=3), "pyav", spool=spool)
    next(found)
    found.close()
    assert all(features.spool.closed for features in spools)


def test_sources_run_ahead_together_and_each_keeps_its_order():
    made = [0, 0]

    def source(number):
        for item in range(50):
            made[number] += 1
            yield number, item

    merged = prefetch([source(0), source(1)], depth=3)
    first = [next(merged) for _ in range(4)]
    time.sleep(0.3)
    assert sum(made) <= 4 + 3 + 2  # given, waiting, one in each hand
    found = [*first, *merged]
    for number in (0, 1):
        assert [item for n, item in found if n == number] == list(range(50))


def test_features_are_the_same_bytes_with_one_decoder_and_with_three(dataset, weights):  # noqa: F811
    extractor = create("efficientnet_lite0", weights / "efficientnet_lite0.pth")
    threads, found = torch.get_num_threads(), []
    for decoders in (1, 3):
        made = stream.stream(dataset, Network(extractor, 100, decoders=decoders), "pyav")
        found.append(
            {done.video.video_id: b"".join(rows.tobytes() for rows in features.chunks()) for done, features in made}
        )
    assert len(found[0]) == 4 and found[0] == found[1]
    assert torch.get_num_threads() == threads  # the network's: a decoder's own one is another thread's


def test_a_batch_that_does_not_fit_is_halved_and_the_next_ones_are_small_at_once(caplog):
    extractor = Sums(large=3)
    network = Network(extractor, 100)
    batch = torch.stack([torch.full((2, 2, 3), value, dtype=torch.uint8) for value in range(9)])
    expected = [[float(12 * value)] for value in range(9)]
    assert network(batch)().tolist() == expected and extractor.calls == [9, 4, 2, 2, 2, 2, 1]
    extractor.calls.clear()
    assert network(batch)().tolist() == expected and extractor.calls == [2, 2, 2, 2, 1]
    assert "9 frames do not fit the GPU's memory: going on with 4 at once" in caplog.text


def test_a_frame_that_does_not_fit_ends_the_run():
    network = Network(Sums(large=0), 100)
    with pytest.raises(RunError, match="one frame does not fit"):
        network(torch.zeros(1, 2, 2, 3, dtype=torch.uint8))


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_one_behind_gives_everything_after_the_next_is_made(count):
    made = []
    given = []
    for item in stream.one_behind(made.append(i) or i for i in range(count)):
        given.append(item)
        assert len(made) == min(len(given) + 1, count)
    assert given == list(range(count))


def test_prefetch_is_bounded_and_passes_errors_on():
    made = []

    def source():
        for number in range(100):
            made.append(number)
            yield number
        raise UserError("at the end")

    ahead = prefetch([source()], depth=2)
    assert next(ahead) == 0
    time.sleep(0.3)
    assert len(made) <= 5
    with pytest.raises(UserError, match="at the end"):
        list(ahead)
