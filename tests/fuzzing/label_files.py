"""The label files and split files that `tests.fuzzing.readers` mutates."""

from collections.abc import Callable
from pathlib import Path

NAMES = ["b1/722.mp4", "b1/Winter_Pt._1.mp4", "b2/722.mp4"]


def labels(folder: Path) -> tuple[list[Path], Callable[[Path], object]]:
    """Rows without a header, tables with columns of their own, and both by a preset, joined with a tree of videos."""
    from vqa import datasets
    from vqa.config import LabelFile, LabelsDataset, PresetDataset, TableDataset
    from vqa.system.errors import UserError

    videos = folder / "videos"
    for name in NAMES:
        (videos / name).parent.mkdir(parents=True, exist_ok=True)
        (videos / name).touch()
    rows = "".join(f"{name}, -1, -1, {20.5 + i}\n" for i, name in enumerate(NAMES))
    (folder / "labels.txt").write_text(rows)
    rows = "".join(f'{name[:-4]},"[263, {i}]",{20.5 + i},{bool(i % 2)},640\n' for i, name in enumerate(NAMES))
    (folder / "own.csv").write_text(f"name,p1,mos,is_test,width\n{rows}")

    def read(path: Path) -> object:
        preset = PresetDataset(reader="lsvq", path=videos, files=(LabelFile(path=path, split="train"),))
        columns = {"video_id": "name", "mos": "mos", "width": "width"}
        if path.suffix == ".txt":
            generic = LabelsDataset(reader="labels", path=path, videos=videos, ids="path")
        else:
            where = "is_test == 0 and mos > 3"
            generic = TableDataset(reader="table", path=path, videos=videos, ids="path", columns=columns, where=where)
        try:
            return datasets.read("d", preset, Path("results"))
        except UserError as error:
            assert "\n" not in str(error)
        return datasets.read("d", generic, Path("results"))

    return [folder / "labels.txt", folder / "own.csv"], read


def splits(folder: Path) -> tuple[list[Path], Callable[[Path], object]]:
    from vqa.manifest import Video
    from vqa.protocol.split_files import read_split_file, write_split_file
    from vqa.protocol.splits import split

    videos = [Video(f"v{i}", f"v{i}.mp4", 10.5 * i) for i in range(6)]
    write_split_file(folder / "seed-0.csv", videos, split(videos, 0), folder)
    return [folder / "seed-0.csv"], lambda path: split(videos, 0, "files", given=read_split_file(path))
