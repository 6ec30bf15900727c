"""What every temporal model must hold to, tried on random videos: `vqa check-model`."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from vqa.temporal.model import TemporalModel
from vqa.temporal.svr import SVR

LENGTHS = (24, 1, 7, 24, 300)  # one as long as a real clip
TOLERANCE = 1e-4  # of the scores' spread: sums in another order, in float32
BLIND_TOLERANCE = 1e-6  # of the spread of scores that a set of videos has, see `_order`
Build = Callable[[], TemporalModel]


def check_model(build: Build, input_size: int) -> list[str]:
    """One line for each rule that the model breaks; none for a sound one. Raises `UserError` if it cannot be made.

    build: a freshly initialised model, as a run makes it.
    """
    model = build()
    checks = [_shapes, _padding, _alone, _order, _gradients, _beginning, _training, _state]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        videos = [torch.randn(length, input_size) for length in LENGTHS]
        if isinstance(model, SVR):
            model.fit(torch.randn(20, input_size).double(), torch.randn(20).double(), c=1.0, gamma=1.0)
            checks = [each for each in checks if each not in (_gradients, _training)]
        problems: list[str] = []
        for check in checks:
            try:
                problems += check(model, videos, build)
            except (Exception, SystemExit) as error:  # a user's code may raise anything, or end
                raised = error.__cause__ or error
                told = " ".join(str(raised).split())[:200]
                return [*problems, f"{check.__doc__}: {type(raised).__name__}: {told}"]
    return problems


def batch(videos: list[Tensor], padding: float = 0.0) -> tuple[Tensor, Tensor]:
    """[B, T, D] with `padding` behind each video, and lengths [B]."""
    lengths = torch.tensor([len(video) for video in videos])
    features = torch.full((len(videos), int(lengths.max()), videos[0].shape[1]), padding)
    for row, video in zip(features, videos, strict=True):
        row[: len(video)] = video
    return features, lengths


def _scores(model: TemporalModel, videos: list[Tensor], padding: float = 0.0) -> Tensor:
    model.eval()
    with torch.no_grad():
        scores: Tensor = model(*batch(videos, padding))
    return scores


def _differs(a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> bool:
    spread = max(float(a.max() - a.min()), float(a.abs().max()) * 1e-2, 1e-12)
    return not bool((a - b).abs().max() <= tolerance * spread)


def _shapes(model: TemporalModel, videos: list[Tensor], build: Build) -> Iterator[str]:
    """it gives one finite score a video"""
    for chosen in (videos, videos[1:2], videos[:1]):
        scores = _scores(model, chosen)
        if scores.shape != (len(chosen),):
            yield f"gives scores of shape {tuple(scores.shape)} for {len(chosen)} videos, not ({len(chosen)},)"
            return
        if not torch.isfinite(scores).all():
            yield f"gives scores that are not finite for videos of {[len(video) for video in chosen]} frames"
            return


def _padding(model: TemporalModel, videos: list[Tensor], build: Build) -> Iterator[str]:
    """what lies beyond a length has no effect"""
    if _differs(_scores(model, videos), _scores(model, videos, padding=100.0)):
        yield "padding leaks: scores change with what lies beyond a video's length"


def _alone(model: TemporalModel, videos: list[Tensor], build: Build) -> Iterator[str]:
    """a batch equals its videos one by one"""
    together = _scores(model, videos)
    alone = torch.cat([_scores(model, [video]) for video in videos])
    if _differs(together, alone):
        row = int((together - alone).abs().argmax())
        yield (f"a video of {len(videos[row])} frames scores {together[row]:.6g} in a batch and {alone[row]:.6g} alone")


def _order(model: TemporalModel, videos: list[Tensor], build: Build) -> Iterator[str]:
    """blindness to order is as claimed"""
    if not model.blind_to_order:
        return
    shuffled = [video[torch.randperm(len(video))] for video in videos]
    if _differs(_scores(model, videos), _scores(model, shuffled), 10 * BLIND_TOLERANCE):
        yield "claims to be blind to order, yet shuffled frames change its scores"


def _gradients(model: TemporalModel, videos: list[Tensor], build: Build) -> Iterator[str]:
    """gradients are finite"""
    model.train()
    model.zero_grad()
    torch.autograd.backward(model(*batch(videos)).sum())
    found = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
    if not found:
        yield "no parameter gets a gradient: there is nothing to train"
    for name, gradient in found.items():
        if not torch.isfinite(gradient).all():
            yield f"the gradient of {name} is not finite"
            return


def _training(model: TemporalModel, videos: list[Tensor], build: Build) -> Iterator[str]:
    """it can be trained on one video, as an epoch's last batch may hold"""
    model.train()
    model(*batch(videos[:1]))
    first, second = (_seen(model, build(), videos, padding) for padding in (0.0, 100.0))
    if any(_differs(a, b) for a, b in zip(first, second, strict=True)):
        yield "padding leaks in training: what it learns changes with what lies beyond a video's length"


def _seen(model: TemporalModel, trained: TemporalModel, videos: list[Tensor], padding: float) -> list[Tensor]:
    """Scores in training, and the buffers behind it, of a fresh model that takes the state of `model`."""
    trained.load_state_dict(model.state_dict())
    trained.train()
    torch.manual_seed(0)  # of dropout
    with torch.no_grad():
        scores = trained(*batch(videos, padding))
    return [scores, *(each.double() for each in trained.buffers() if each.numel())]


def _beginning(model: TemporalModel, videos: list[Tensor], build: Build) -> Iterator[str]:
    """two of one seed begin with the same tensors"""
    first, second = build().state_dict(), build().state_dict()
    if other := [key for key, value in first.items() if not isinstance(value, Tensor)]:
        yield f"its state is not of tensors alone: {', '.join(other)}; a head.pt holds nothing else"
    elif first.keys() != second.keys() or any(not torch.equal(first[key], second[key]) for key in first):
        yield "two models of one seed begin with other weights: draw them with torch's generator alone"


def _state(model: TemporalModel, videos: list[Tensor], build: Build) -> Iterator[str]:
    """its state is all that its scores depend on"""
    fresh = build()
    with torch.no_grad():
        for parameter in model.parameters():  # as `model` is trained already, its buffers are others, too
            parameter.add_(1.0)
    fresh.load_state_dict(model.state_dict())
    if _differs(_scores(model, videos), _scores(fresh, videos), 1e-6):
        yield "scores change after its state_dict is saved and loaded: keep what it learns in parameters and buffers"
