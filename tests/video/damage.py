"""What befalls files: a broken download, a bad sector, a packet that makes no sense."""

from pathlib import Path

import av
import numpy as np


def damaged(path: Path, how: str) -> bytes:
    """The file's bytes, `cut` in half, with a `hole` of noise in the middle, or its middle packet (`packet`) or
    every third one (`packets`) overwritten.
    """
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    if how == "cut":
        return bytes(data[:middle])
    if how == "hole":
        hole = len(data) // 25
        data[middle : middle + hole] = np.random.default_rng(0).bytes(hole)
        return bytes(data)
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    hit = packets[len(packets) // 2 :][:1] if how == "packet" else packets[1::3]
    for position, size in hit:
        data[position : position + size] = b"\xff" * size
    return bytes(data)
