"""Scenes with natural statistics: 1/f textures, objects with hard edges, a panning camera."""

from dataclasses import dataclass

import numpy as np

MARGIN = 96  # pixels of canvas around the frame, for panning and shake


@dataclass(frozen=True)
class _Object:
    """An ellipse or box with a texture of its own, moving on a straight line."""

    mask: np.ndarray  # (h, w) bool
    texture: np.ndarray  # (h, w, 3)
    start: np.ndarray  # pixels, (y, x)
    velocity: np.ndarray  # pixels per second, (y, x)


def pink_noise(rng: np.random.Generator, height: int, width: int, slope: float) -> np.ndarray:
    """Zero-mean, unit-variance texture whose amplitude spectrum falls as 1 / f^slope."""
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    radius = np.hypot(fy, fx)
    radius[0, 0] = np.inf
    phase = np.exp(2j * np.pi * rng.random(radius.shape))
    texture = np.fft.irfft2(phase / radius**slope, s=(height, width))
    return np.asarray((texture - texture.mean()) / texture.std())


def _surface(rng: np.random.Generator, height: int, width: int, contrast: float) -> np.ndarray:
    """A coloured texture (height, width, 3) in 0..1: strong luminance, weak correlated chroma."""
    luminance = pink_noise(rng, height, width, rng.uniform(1.0, 1.15))
    chroma = [pink_noise(rng, height, width, 1.4) for _ in range(2)]
    base = rng.uniform(0.42, 0.55) + rng.uniform(-0.1, 0.1, 3)
    red, blue = 0.05 * chroma[0], 0.05 * chroma[1]
    channels = [luminance * contrast + shift for shift in (red, -(red + blue) / 2, blue)]
    return np.stack([channel + level for channel, level in zip(channels, base, strict=True)], axis=-1)


class Scene:
    """One content, the same for every clip that shares it."""

    def __init__(self, seed: int, number: int, height: int, width: int):
        rng = np.random.default_rng(np.random.SeedSequence([seed, 1, number]))
        self.height, self.width = height, width
        self._canvas = _surface(rng, height + 2 * MARGIN, width + 2 * MARGIN, rng.uniform(0.14, 0.18))
        self._objects = [self._make_object(rng) for _ in range(int(rng.integers(4, 9)))]
        angle, speed = rng.uniform(0, 2 * np.pi), rng.uniform(15, 40)
        self._pan = speed * np.array([np.sin(angle), np.cos(angle)])

    def _make_object(self, rng: np.random.Generator) -> _Object:
        h, w = (int(rng.uniform(0.12, 0.4) * self.height) for _ in range(2))
        y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        mask = (y**2 + x**2 < 1) if rng.random() < 0.5 else np.ones((h, w), bool)
        stripes = 0.2 * np.sign(np.sin((x * rng.integers(2, 9) + y * rng.integers(0, 5)) * np.pi))
        texture = _surface(rng, h, w, 0.08) + stripes[..., None] * (rng.random() < 0.6)
        start = rng.uniform(0, 1, 2) * [self.height, self.width]
        return _Object(mask, texture, start, rng.uniform(-40, 40, 2))

    def exposure(self, start: float, duration: float, offset: np.ndarray) -> np.ndarray:
        """The mean view while the shutter is open: a long exposure blurs what moves."""
        instants = start + duration * np.linspace(0, 1, 1 + int(duration * 24))
        return np.asarray(np.mean([self.frame(instant, offset) for instant in instants], axis=0))

    def frame(self, seconds: float, offset: np.ndarray) -> np.ndarray:
        """The view at a time, float32 (height, width, 3) in 0..1; offset: camera shift in pixels."""
        camera = np.clip(MARGIN + self._pan * seconds + offset, 1, 2 * MARGIN - 2)
        picture = _crop(self._canvas, camera, self.height, self.width)
        for thing in self._objects:
            place = thing.start + thing.velocity * seconds - (camera - MARGIN)
            _paste(picture, thing, np.round(place - np.array(thing.mask.shape) / 2).astype(int))
        return np.asarray(np.clip(picture, 0, 1).astype(np.float32))


def _crop(canvas: np.ndarray, corner: np.ndarray, height: int, width: int) -> np.ndarray:
    """A window at a subpixel position, bilinear."""
    (y, x), (fy, fx) = np.floor(corner).astype(int), corner % 1
    window = canvas[y : y + height + 1, x : x + width + 1]
    rows = window[:-1] * (1 - fy) + window[1:] * fy
    return np.asarray(rows[:, :-1] * (1 - fx) + rows[:, 1:] * fx)


def _paste(picture: np.ndarray, thing: _Object, corner: np.ndarray) -> None:
    (y, x), (h, w) = corner, thing.mask.shape
    top, left = max(0, -y), max(0, -x)
    bottom, right = min(h, picture.shape[0] - y), min(w, picture.shape[1] - x)
    if top < bottom and left < right:
        mask = thing.mask[top:bottom, left:right]
        target = picture[y + top : y + bottom, x + left : x + right]
        target[mask] = thing.texture[top:bottom, left:right][mask]
