"""`make bench`: ours against the plain baseline, whole processes side by side in one run.

Prints a Markdown table and writes it with a CSV to `bench/`. `--quick` shortens every workload,
`--only` runs one part.
"""

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks import counts, decoding, extraction, models, training
from tests.benchmarks.measure import REPO, Results, earlier

# Frames of the longest video that public code pads to: CVD2014's, and LIVE-VQC's as a decoder gives
# it that fills up to the 120 frames/s which four clips advertise.
LONGEST = (830, 1202)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, for a first look")
    parser.add_argument("--only", choices=("training", "counts", "models", "decoding", "extraction"))
    parser.add_argument("--before", help="a commit to run beside, e.g. that of the last release")
    arguments = parser.parse_args()
    quick, results = arguments.quick, Results()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        before = earlier(arguments.before, root / "before") if arguments.before else ()
        if arguments.only in (None, "training"):
            training.gemm_share(results)
            training.speed(root, results, *((40, 60, 4) if quick else (120, 240, 20)), before=before)
            for longest in () if quick else LONGEST:
                training.speed(root, results, 120, 240, 20, longest)
            training.memory(root, results, *((100, 60) if quick else (1200, 240)))
            training.growth(root, results, 10 if quick else 40)
        if arguments.only in (None, "counts"):
            counts.count(root, results, *((100, 60) if quick else (1200, 240)))
        if arguments.only in (None, "models"):
            models.speed(root, results, *((40, 60, 2) if quick else (120, 240, 10)))
        if arguments.only in (None, "decoding"):
            decoding.speed(root, results, quick)
            decoding.memory(root, results, quick)
        if arguments.only in (None, "extraction"):
            extraction.make_weights(root)
            extraction.speed(root, results, 24 if quick else 240, before)
            extraction.growth(root, results, 6 if quick else 16)
    results.write(REPO / "bench")


if __name__ == "__main__":
    main()
