"""A strip of pictures of a video, as one small JPEG that a page holds in itself."""

import base64
import io
from itertools import islice

import numpy as np

from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.video import open_video

PICTURES, HEIGHT, QUALITY = 6, 72, 60  # about 6 kB a strip
_GAP = 3  # pixels between pictures
_WIDEST = 2.4  # of a picture, in heights: wider ones are made smaller


def strip(video: Video, decoder: str) -> str:
    """Evenly spaced frames side by side, as a data URI. Raises `UserError` for a bad file, `RunError` for one out of
    reach.
    """
    from PIL import Image

    reader = open_video(video, decoder)
    try:
        header = reader.header
        frames = header.frames or round((header.fps or 30) * (header.seconds or 1))
        every = max(1, frames // PICTURES)
        found = list(islice((frame for frame in reader.frames(every) if frame is not None), PICTURES))
    finally:
        reader.close()
    if not found:
        raise UserError(f"{video.path}: holds no video frames; download it again or exclude it")
    height, width = found[0].shape[:2]
    scale = min(HEIGHT / height, _WIDEST * HEIGHT / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = [np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX)) for frame in found]
    gap = np.full((size[1], _GAP, 3), 255, np.uint8)
    joined = [part for each in small for part in (each, gap)][:-1]
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(joined, axis=1)).save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
