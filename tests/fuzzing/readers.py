"""Mutated real files for the readers of what comes from strangers: `python -m tests.fuzzing.readers --inputs 20000`.

Each input must give a valid result or a `UserError`: anything else is a failure, a crash of the
interpreter and a hang included. Each run draws a seed of its own and prints it, so that many
runs see many files. Inputs follow from their number and the seed alone: one that fails is repeated with
`--seed SEED --reader NAME --first NUMBER --inputs 1`.
"""

import argparse
import secrets
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.fuzzing.label_files import labels, splits
from vqa.system import isolation
from vqa.system.errors import UserError

HANG_SECONDS = 120  # of a machine that may be busy
INTERESTING = [0, 1, 127, 128, 254, 255]
TOKENS = [
    b"nan",
    b"-1",
    b"1e999",
    b"",
    b'"',
    b"\x00",
    b",",
    b";",
    b"../../x",
    b"-rf",
    b"'; touch owned; '",
    "ü".encode(),
]


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """A few random edits: bytes, bit flips, blocks removed, doubled or zeroed, tokens, truncation.

    Often a single one: it passes a reader's first checks and reaches what lies behind them.
    """
    out = bytearray(data)
    for _ in range(min(8, int(rng.geometric(0.4)))):
        if not out:
            break
        at = int(rng.integers(len(out)))
        size = int(rng.integers(1, 1 + min(64, len(out))))
        match int(rng.integers(7)):
            case 0:
                out[at] = int(rng.choice(INTERESTING))
            case 1:
                out[at] ^= 1 << int(rng.integers(8))
            case 2:
                del out[at : at + size]
            case 3:
                out[at:at] = out[at : at + size]
            case 4:
                out[at : at + size] = bytes(len(out[at : at + size]))
            case 5:
                out[at:at] = TOKENS[int(rng.integers(len(TOKENS)))]
            case 6 if rng.random() < 0.2:
                del out[at:]
    return bytes(out)


def manifests(folder: Path) -> tuple[list[Path], Callable[[Path], object]]:
    from vqa.manifest import Video, read_manifest, write_manifest

    videos = [Video(f"clip-{i}", f"videos/clip {i}.mp4", 10.5 * i, scene="s", fps=24.0) for i in range(4)]
    write_manifest(folder / "manifest.csv", videos)
    return [folder / "manifest.csv"], read_manifest


def metadata(folder: Path) -> tuple[list[Path], Callable[[Path], object]]:
    """The native metadata files: CSV, `;`-separated CSV, MATLAB v5 and v7.3."""
    import shutil

    from vqa import datasets
    from vqa.config import NativeDataset
    from vqa.datasets import vsfa_info

    roots = native_metadata(folder)

    def read(path: Path) -> object:
        if path.name.endswith("vsfa-info.mat"):
            return vsfa_info.names(path), vsfa_info.permutation(path, 0), vsfa_info.read(path, path.parent)
        name, reader = path.name.split("-", 1)[1], path.parent.name
        root = roots[reader]
        shutil.copy(path, root / name)
        return datasets.read("d", NativeDataset(reader=reader, path=root), Path("results"))

    files = []
    for reader, root in roots.items():
        (folder / reader).mkdir(exist_ok=True)
        kept = [p for p in root.iterdir() if p.suffix in (".csv", ".mat")]
        files += [Path(shutil.copy(p, folder / reader / f"real-{p.name}")) for p in kept]
    return [*files, folder / "vsfa-info.mat"], read


def native_metadata(folder: Path) -> dict[str, Path]:
    import scipy.io

    def cells(names: list[str]) -> np.ndarray:
        return np.array([[name] for name in names], dtype=object)

    roots = {name: folder / "roots" / name for name in ("konvid-1k", "cvd2014", "live-vqc", "live-qualcomm")}
    names = ["a1", "a2", "a3"]
    for root, suffix in zip(roots.values(), (".mp4", ".avi", ".mp4", ".yuv"), strict=True):
        root.mkdir(parents=True)
        for name in ["3001", "3002", "3003"] if root.name == "konvid-1k" else names:
            (root / f"{name}{suffix}").touch()
    rows = "\n".join(f'"{3001 + i}","{2.5 + i / 3:.10f}"' for i in range(3))
    (roots["konvid-1k"] / "KoNViD_1k_mos.csv").write_text(f'"flickr_id","mos"\n{rows}\n')
    rows = "\r\n".join(f"City;{name};1,0;{20 + i},5;;;;" for i, name in enumerate(names))
    (roots["cvd2014"] / "Realignment_MOS.csv").write_text(
        f"Content;File_name;Original MOS;Realignment MOS;;;;\r\n{rows}\r\n;;;;;;;\r\n"
    )
    mos = np.linspace(20, 80, 3)[:, None]
    scipy.io.savemat(roots["live-vqc"] / "data.mat", {"video_list": cells([f"{n}.mp4" for n in names]), "mos": mos})
    videos = {"vidNames": cells([f"{n}.yuv" for n in names]), "distortionNames": cells(["Focus"] * 6),
              "distortionType": np.array([[1], [2], [3]])}  # fmt: skip
    scores = {"unBiasedMOS": mos, "biasedMOS": mos}
    scipy.io.savemat(
        roots["live-qualcomm"] / "qualcommSubjectiveData.mat",
        {"qualcommVideoData": videos, "qualcommSubjectiveData": scores},
    )
    vsfa_info(folder / "vsfa-info.mat", names, mos)
    return roots


def vsfa_info(path: Path, names: list[str], mos: np.ndarray) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        references = np.empty((1, 3), dtype=h5py.ref_dtype)
        for i, name in enumerate(names):
            text = np.frombuffer(f"{name}.mp4".encode("utf-16-le"), np.uint16)[:, None]
            references[0, i] = file.create_dataset(f"#refs#/{name}", data=text).ref
        file.create_dataset("video_names", data=references, dtype=h5py.ref_dtype)
        file["scores"] = mos.T
        file["index"] = np.tile(np.arange(1, 4.0), (2, 1)).T
        file["ref_ids"] = np.arange(3.0)[None]
        for key, value in {"max_len": 240, "width": 320, "height": 240}.items():
            file[key] = np.array([[float(value)]])
        file["video_format"] = np.frombuffer("mp4".encode("utf-16-le"), np.uint16)[:, None]


def shards(folder: Path) -> tuple[list[Path], Callable[[Path], object]]:
    from vqa.features import shards as shard_files

    rng = np.random.default_rng(0)
    files = []
    for dtype in ("float16", "float32"):
        rows = rng.random((6, 8))
        path = folder / f"{dtype}.h5"
        shard_files.write(
            path, [rows], rows.shape, dtype, np.arange(6), {"video_id": "a", "fingerprint": "f", "fps": 2.5}
        )
        files.append(path)
    return files, shard_files.read


def checkpoints(folder: Path) -> tuple[list[Path], Callable[[Path], object]]:
    from vqa.backbones import checkpoints as backbone_files
    from vqa.temporal.checkpoint import load_head, save_head
    from vqa.temporal.registry import create

    head = create("vsfa", 8, 0)
    save_head(folder / "head.pt", head, "vsfa", {"seed": 0})

    def read(path: Path) -> object:
        try:
            load_head(path)
        except UserError:
            return backbone_files.read(path)
        return None

    return [folder / "head.pt"], read


def videos(folder: Path) -> tuple[list[Path], Callable[[Path], object]]:
    from vqa.demo.render import encode
    from vqa.manifest import Video
    from vqa.video import causes, open_video

    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (32, 48, 3), dtype=np.uint8) for _ in range(6)]
    files = [folder / name for name in ("clip.mp4", "clip.avi", "clip.mkv")]
    for path in files:
        encode(path, pictures, (48, 32), 24, crf=30)

    def read(path: Path) -> object:
        video = Video(path.stem, str(path), 1.0)
        causes(video)
        reader = open_video(video)
        try:
            return sum(frame.shape[2] for frame in reader.frames())
        finally:
            reader.close()

    return files, read


READERS = {f.__name__: f for f in (manifests, metadata, labels, splits, shards, checkpoints, videos)}


def work(name: str, first: int, count: int, seed: int) -> None:
    """Read inputs first..first+count; prints each number that fails, with its reason."""
    isolation._COMPUTING = 0.05  # of a minute: a reader that the package itself stops is a refusal
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files, read = READERS[name](folder)
        originals = [path.read_bytes() for path in files]
        for path in files:
            read(path)  # a reader that refuses the file itself would never be tried
        tally = {"valid": 0, "refused": 0}
        for number in range(first, first + count):
            rng = np.random.default_rng([seed, number])
            which = int(rng.integers(len(files)))
            mutant = files[which].with_name(f"mutant-{files[which].name.removeprefix('real-')}")
            mutant.write_bytes(mutate(originals[which], rng))
            print(f"at {number}", flush=True)
            signal.alarm(HANG_SECONDS)
            try:
                read(mutant)
                tally["valid"] += 1
            except UserError as error:
                assert "\n" not in str(error), f"input {number}: more than one line"
                tally["refused"] += 1
            except Exception:
                print(f"failure {number} {' | '.join(traceback.format_exc().split(chr(10))[-8:])}", flush=True)
            signal.alarm(0)
        print(f"done {tally['valid']} valid, {tally['refused']} refused", flush=True)


def fuzz(name: str, first: int, count: int, seed: int) -> tuple[str, list[str]]:
    """Run `work` in a process of its own, begun again behind an input that ends it. Summary and failures."""
    failures, summaries, end = [], [], first + count
    while first < end:
        command = [sys.executable, "-m", "tests.fuzzing.readers", "--work", "--reader", name, "--first", str(first)]
        command += ["--inputs", str(end - first), "--seed", str(seed)]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        lines = result.stdout.splitlines()
        failures += [line for line in lines if line.startswith("failure ")]
        summaries += [line.removeprefix("done ") for line in lines if line.startswith("done ")]
        if result.returncode == 0:
            break
        last = max((int(line.split()[1]) for line in lines if line.startswith("at ")), default=first)
        failures.append(f"failure {last} ended the process with status {result.returncode}")
        first = last + 1
    return "; ".join(summaries), failures


def fresh_seed() -> int:
    return secrets.randbelow(2**32)


def fuzz_all(names: list[str], first: int, inputs: int, seed: int) -> int:
    """Print what each reader made of its inputs; the number of failures."""
    print(f"seed {seed}: {inputs} inputs from number {first} on", flush=True)
    failed = 0
    for name in names:
        summary, failures = fuzz(name, first, -(-inputs // len(names)), seed)
        print(f"{name}: {summary}; {len(failures)} failures", *failures, sep="\n  ", flush=True)
        failed += len(failures)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000, help="of a run, over all readers")
    parser.add_argument("--runs", type=int, default=1, help="each with a seed of its own")
    parser.add_argument("--seed", type=int, help="repeat the run that printed it; drawn where not given")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--reader", choices=READERS, help="this one alone")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        work(chosen.reader, chosen.first, chosen.inputs, chosen.seed)
        return 0
    names = [chosen.reader] if chosen.reader else list(READERS)
    seeds = [fresh_seed() for _ in range(chosen.runs)] if chosen.seed is None else [chosen.seed]
    failed = sum(fuzz_all(names, chosen.first, chosen.inputs, seed) for seed in seeds)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
