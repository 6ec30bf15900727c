"""The pieces of a training, each against what it says it does, on features held in memory."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from vqa.config import Run
from vqa.evaluation.metrics import srocc
from vqa.protocol.sampling import frame_sequence, stream
from vqa.system.errors import RunError
from vqa.temporal.registry import create
from vqa.training.feeder import Feeder
from vqa.training.fit import Epoch, Selection, create_head, fit, learning_rate, train_epoch, validate
from vqa.training.items import Item
from vqa.training.job import history_csv
from vqa.training.optimiser import Adam
from vqa.training.predict import predict, predict_batch

DIM, CPU = 6, torch.device("cpu")


def items(count: int, dtype: str = "float16", first: int = 3) -> list[Item]:
    """Videos of first, first + 1, ... rows."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(first + number, DIM)).astype(dtype) for number in range(count)]
    return [Item(f"v{n:02d}", features, 10.0 + n, (10.0 + n) / 40) for n, features in enumerate(rows)]


def feeder(order: str = "O", seed: int = 0, **run: object) -> Feeder:
    return Feeder(Run(**run), seed, order, CPU)


@pytest.mark.parametrize("sampler", [0, 4])
@pytest.mark.parametrize("order", ["O", "S"])
@pytest.mark.parametrize("stored,precision", [("float16", "float32"), ("float32", "float32"), ("float16", "bfloat16")])
def test_a_batch_holds_each_videos_frames_in_the_order_of_its_sequence(order, sampler, stored, precision):
    members = items(4, stored, first=30)  # more rows than a block of the conversion
    made = feeder(order, seed=5, sampler=sampler, precision=precision).batch(members)
    assert made.frames.dtype == getattr(torch, precision) and made.labels.dtype == torch.float32
    assert made.labels.tolist() == pytest.approx([item.label for item in members])
    sequences = [frame_sequence(item.video_id, len(item.features), sampler, order, 5) for item in members]
    assert made.lengths.tolist() == [len(sequence) for sequence in sequences]
    assert made.position.shape == (4, max(made.lengths)) and len(made.frames) == sum(made.lengths)
    for item, sequence, position in zip(members, sequences, made.position, strict=True):
        seen = made.frames[position[: len(sequence)]]
        assert torch.equal(seen, torch.from_numpy(item.features.astype(np.float32)[sequence]).to(seen.dtype))


def test_a_smaller_batch_after_a_larger_one_holds_its_own_rows():
    source = feeder()
    large, small = source.batch(items(4)).frames.clone(), source.batch(items(2)).frames
    assert len(large) == 3 + 4 + 5 + 6 and torch.equal(small, large[:7])


def test_an_epoch_feeds_every_video_once_in_an_order_of_its_own():
    members = items(7)
    source = feeder("O", 3, batch_size=3)
    orders = []
    for epoch in (1, 2):
        labels = [batch.labels.tolist() for batch in source.epoch_batches(members, epoch)]
        assert [len(batch) for batch in labels] == [3, 3, 1]
        orders.append([round(40 * label - 10) for batch in labels for label in batch])
        assert orders[-1] == stream(3, "batches", epoch).permutation(7).tolist()
    assert orders[0] != orders[1]


def plain_batches(lengths: list[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Sixteen batches' worth of the drawn videos are sorted by length and cut; then the batches are drawn."""
    rng = stream(seed, "batches", epoch)
    drawn, batches = rng.permutation(len(lengths)).tolist(), []
    while drawn:
        pool, drawn = sorted(drawn[: 16 * size], key=lambda i: lengths[i]), drawn[16 * size :]
        while pool:
            batches.append(pool[:size])
            pool = pool[size:]
    return [batches[i] for i in rng.permutation(len(batches))]


def test_batches_of_similar_length_hold_every_video_once_and_pad_less():
    members = items(70, first=1)
    padded = {}
    for batches in ("random", "similar-length"):
        source = feeder("O", 3, batch_size=2, batches=batches)
        made = [batch.lengths.tolist() for batch in source.epoch_batches(members, 4)]
        assert sorted(length for batch in made for length in batch) == list(range(1, 71))
        padded[batches] = sum(max(batch) * len(batch) for batch in made)
    assert made == [[i + 1 for i in batch] for batch in plain_batches(list(range(1, 71)), 2, 3, 4)]
    assert made != [batch.lengths.tolist() for batch in source.epoch_batches(members, 5)]
    assert padded["similar-length"] - sum(range(71)) < 0.15 * (padded["random"] - sum(range(71)))


@pytest.mark.parametrize("redraw", ["run", "epoch"])
def test_training_redraws_by_epoch_and_evaluation_never_does(redraw):
    (item,) = items(1, first=40)
    source = feeder("S", 3, sampler=4, redraw=redraw)
    (batch,) = source.epoch_batches([item], epoch=2)
    drawn = frame_sequence("v00", 40, 4, "S", 3, 2 if redraw == "epoch" else None)
    assert torch.equal(batch.frames[batch.position[0]], torch.from_numpy(item.features[drawn].astype(np.float32)))
    assert source.sequence(item, False, 2).tolist() == frame_sequence("v00", 40, 4, "S", 3).tolist()
    assert source.sequence(item, False, 2, "O").tolist() == frame_sequence("v00", 40, 4, "O", 3).tolist()


def test_more_videos_than_a_batch_of_evaluation_are_scored_one_by_one():
    head, members = create("vsfa", DIM, 0).eval(), items(35)
    scores = predict(head, feeder(), members)
    assert scores.dtype == np.float64 and scores.shape == (35,)
    for item, score in zip(members, scores, strict=True):
        with torch.no_grad():
            alone = head(torch.from_numpy(item.features.astype(np.float32))[None], torch.tensor([len(item.features)]))
        assert score == pytest.approx(alone.item(), abs=1e-5)


def test_validation_reports_mean_absolute_error_and_rank_correlation():
    head, members = create("vsfa", DIM, 0).eval(), items(20)
    scores, labels = predict(head, feeder(), members), np.array([item.label for item in members])
    found = validate(head, feeder(), members, 3, 12, 0.25)
    assert found == Epoch(3, 12, 0.25, pytest.approx(np.abs(scores - labels).mean()), srocc(scores, labels))


def test_an_epoch_of_training_sums_each_batchs_loss_and_steps_once_a_batch():
    head, members = create("vsfa", DIM, 0), items(5)
    before = predict(head, feeder(), members)
    alone = feeder().batch(members[:1])
    losses = train_epoch(head, Adam(head.parameters()), [feeder().batch(members)], lr=1e-3)
    labels = np.array([item.label for item in members])
    assert [loss.item() for loss in losses] == [pytest.approx(np.abs(before - labels).sum(), rel=1e-5)]
    assert len(train_epoch(head, Adam(head.parameters()), [alone] * 3, lr=0.0)) == 3
    assert not np.allclose(predict(head, feeder(), members), before)


def test_parameters_that_are_frozen_or_unused_stay_as_they_are_as_with_torchs_adam():
    ours, theirs = create("fc-mean", DIM, 0), create("fc-mean", DIM, 0)
    for head in (ours, theirs):
        head.unused = torch.nn.Linear(2, 2)
        torch.nn.init.ones_(head.unused.weight)
        torch.nn.init.ones_(head.unused.bias)
        head.fc0.weight.requires_grad_(False)
    batch = feeder().batch(items(5))
    train_epoch(ours, Adam(ours.parameters(), 0.1), [batch] * 3, lr=1e-3)
    torchs = torch.optim.Adam(theirs.parameters(), 1e-3, weight_decay=0.1)
    for _ in range(3):
        torchs.zero_grad()
        torch.nn.functional.l1_loss(predict_batch(theirs, batch), batch.labels).backward()
        torchs.step()
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, theirs.state_dict()[name], msg=name)


def test_gradients_of_one_step_do_not_reach_the_next():
    twice, once = create("vsfa", DIM, 0), create("vsfa", DIM, 0)
    batch = feeder().batch(items(5))
    train_epoch(twice, Adam(twice.parameters()), [batch, batch], lr=0.0)
    train_epoch(once, Adam(once.parameters()), [batch], lr=0.0)
    for a, b in zip(twice.parameters(), once.parameters(), strict=True):
        assert a.grad is not None and b.grad is not None
        torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize("schedule,expected", [("constant", [1.0] * 7), ("step", [1, 1, 1, 0.5, 0.5, 0.5, 0.25])])
def test_learning_rate_steps_after_whole_rounds_of_epochs(schedule, expected):
    run = Run(lr=1.0, schedule=schedule, step_epochs=3, step_gamma=0.5)
    assert [learning_rate(run, epoch) for epoch in range(1, 8)] == expected


@pytest.mark.parametrize(
    "rule,values,selected",
    [
        ("best-val-srocc", [0.1, 0.5, 0.5, 0.3], 2),
        ("best-val-srocc", [math.nan, 0.1, math.nan, -0.2], 2),
        ("best-val-srocc", [math.nan, math.nan], 1),
        ("best-val-srocc", [-0.9, -0.5], 2),
        ("last-epoch", [0.9, 0.1, math.nan], 3),
    ],
)
def test_the_selected_epoch_and_its_weights_are_kept(rule, values, selected):
    head, selection = create("vsfa", DIM, 0), Selection(rule)
    for number, value in enumerate(values, start=1):
        nn.init.constant_(head.q.bias, number)
        selection.offer(Epoch(number, number, 0.0, 0.0, value), head)
    assert selection.epoch.epoch == selected
    restored = selection.restore(head.train())
    assert restored.q.bias.item() == selected and not restored.training


@pytest.mark.parametrize("name", ["vsfa", "fc-mean"])
def test_a_head_starts_from_its_seed_whatever_was_drawn_before(name):
    run = Run(head=name, precision="bfloat16")
    torch.manual_seed(99)
    made = create_head(run, 4, DIM)
    expected = create(name, DIM, int(stream(4, "head").integers(2**31)))
    assert made.projection_dtype == torch.bfloat16 and made.state_dict().keys() == expected.state_dict().keys()
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), expected.parameters(), strict=True))


def test_a_fit_counts_epochs_and_steps_and_averages_the_loss_over_videos():
    members = items(12)
    parts = {"train": members[:7], "val": members[7:], "test": []}
    outcome = fit(Run(epochs=3, batch_size=3, lr=1e-30, threads=2), 0, "O", parts, "cpu")
    assert [(epoch.epoch, epoch.step) for epoch in outcome.history] == [(1, 3), (2, 6), (3, 9)]
    head = create_head(Run(), 0, DIM)
    labels = np.array([item.label for item in members[:7]])
    expected = np.abs(predict(head, feeder(), members[:7]) - labels).mean()
    assert [epoch.train_loss for epoch in outcome.history] == [pytest.approx(expected, rel=1e-5)] * 3
    assert outcome.selected is outcome.history[0] and not outcome.head.training
    assert torch.get_num_threads() == 2


def test_a_loss_that_is_no_number_ends_the_run_with_what_to_do():
    members = items(8)
    parts = {"train": members[:5], "val": members[5:], "test": []}
    with pytest.raises(RunError, match=r"the training loss became (nan|inf); lower training\.lr"):
        fit(Run(epochs=4, lr=1e30), 0, "O", parts, "cpu")


def test_history_is_a_plain_table_of_eight_digits():
    history = [Epoch(1, 3, 1 / 3, 0.5, float("nan")), Epoch(2, 6, 1e-9, 123456789.0, -1.0)]
    assert history_csv(history) == (
        "epoch,step,train_loss,val_loss,val_srocc\n1,3,0.33333333,0.5,nan\n2,6,1e-09,1.2345679e+08,-1\n"
    )
