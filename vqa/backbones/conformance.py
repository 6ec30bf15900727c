"""What every backbone must hold to, tried on random pictures: `vqa check-backbone`."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from vqa.backbones.extractor import Extractor
from vqa.system.errors import UserError, one_line

TOLERANCE = 1e-4  # of the largest feature: sums in another order, in float32
ROUNDING = 0.9  # cosine similarity that features of half the precision keep
SIZES = ((96, 128), (135, 181))  # of frames, pixels
Build = Callable[[], Extractor]


def check_backbone(build: Build, precision: torch.dtype) -> list[str]:
    """What the first broken rule says; nothing for a sound backbone. Raises `UserError` for one that cannot be made.

    build: the extractor, not yet optimised. precision: of its extractions.
    """
    plain, fast = build(), build()
    fast.optimise(torch.float32)
    checks = (
        *(partial(check, fast) for check in (_sizes, _repeats, _alone, _looks)),
        partial(_optimised, plain, fast),
        partial(_precision, build, fast, precision),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            return next((found for check in checks if (found := list(check()))), [])
        except UserError as error:
            return [str(error)]
        except (Exception, SystemExit) as error:  # a user's code may raise anything, or end
            return [f"does not run: {one_line(error)[:200]}"]


def pictures(extractor: Extractor, count: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    """Blocks of random colours as the extractor is given them: prepared frames, or cubes of them.

    Raises `UserError` where its `prepare` gives something else.
    """
    rng = np.random.default_rng(seed)
    height, width = (max(side, extractor.smallest) for side in size)
    blocks = rng.integers(0, 256, (count * extractor.clip_length, height // 8 + 1, width // 8 + 1, 3), np.uint8)
    frames = blocks.repeat(8, 1).repeat(8, 2)[:, :height, :width]
    prepared = [extractor.prepare(np.ascontiguousarray(frame)) for frame in frames]
    for each in prepared:
        if not isinstance(each, np.ndarray) or each.dtype != np.uint8 or each.ndim != 3 or each.shape[2] != 3:
            raise UserError("its prepare must give a frame (H, W, 3) uint8, as it is given one")
    stacked = torch.from_numpy(np.stack(prepared))
    return stacked if extractor.clip_length == 1 else stacked.reshape(count, extractor.clip_length, *stacked.shape[1:])


def _differs(a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> bool:
    return not bool((a - b).abs().max() <= tolerance * max(float(a.abs().max()), 1e-12))


def _sizes(extractor: Extractor) -> Iterator[str]:
    """One finite row an item, as long for every size of frame."""
    found = []
    for size in SIZES:
        rows = extractor(pictures(extractor, 2, size))
        if not torch.isfinite(rows).all():
            yield f"gives features that are not finite for frames of {size[1]}x{size[0]}"
            return
        found.append(rows.shape[1])
    if len(set(found)) > 1:
        told = " and ".join(
            f"{length} for {width}x{height}" for length, (height, width) in zip(found, SIZES, strict=True)
        )
        yield f"gives rows of another length for another size of frame: {told}; pool what grows, or set `size`"


def _repeats(extractor: Extractor) -> Iterator[str]:
    """The same pictures give the same row, and nothing is learnt from them."""
    items = pictures(extractor, 2, SIZES[0])
    state = {key: value.clone() for key, value in extractor.trunk.state_dict().items()}
    if _differs(extractor(items), extractor(items), 1e-6):
        yield "gives other features when it sees the same frames again: draw nothing at random"
    changed = [key for key, value in extractor.trunk.state_dict().items() if not torch.equal(value, state[key])]
    if changed:
        yield f"changes while it looks at frames ({changed[0].removeprefix('network.')}): leave it in eval mode"


def _alone(extractor: Extractor) -> Iterator[str]:
    """A batch equals its items one by one."""
    items = pictures(extractor, 3, SIZES[0])
    if _differs(extractor(items), torch.cat([extractor(item[None]) for item in items])):
        yield "gives other features for an item in a batch than for the item alone"


def _looks(extractor: Extractor) -> Iterator[str]:
    """Other pictures give other features."""
    first, second = extractor(pictures(extractor, 2, SIZES[0]))
    if not _differs(first, second, 1e-6):
        yield "gives the same features for different frames"


def _optimised(plain: Extractor, fast: Extractor) -> Iterator[str]:
    items = pictures(plain, 2, SIZES[0])
    if _differs(plain(items), fast(items)):
        yield "gives other features once it is optimised (channels last in memory, batch norms folded)"


def _precision(build: Build, fast: Extractor, precision: torch.dtype) -> Iterator[str]:
    if precision == torch.float32:
        return
    name = str(precision).removeprefix("torch.")
    items = pictures(fast, 2, SIZES[0])
    try:
        rows = build().optimise(precision)(items)
    except (Exception, SystemExit) as error:  # a user's code may raise anything, or end
        yield f"does not run in {name} ({one_line(error)[:200]}); set extraction.precision: float32"
        return
    if not torch.cosine_similarity(rows, fast(items)).min() > ROUNDING:
        yield f"gives other features in {name}; set extraction.precision: float32"
