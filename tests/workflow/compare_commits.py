"""Do two commits give the same results? `python -m tests.workflow.compare_commits BASE [HEAD]`.

Runs the smoke study and the paper's miniature at both commits, each in a clone of its own, on the same
inputs. Prints every result whose bytes differ, and what HEAD would do again in a study that BASE finished.
Exit status 1 where anything differs or would be done again.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import REPO, encode_clip
from tests.workflow.conftest import SMOKE, Project, planned
from tests.workflow.miniature import write_miniature

COMPARED = ("metrics.csv", "statistics.csv", "runs/**/predictions.csv", "runs/**/history.csv", "runs/**/cross.csv",
            "runs/**/head.pt", "tables/*", "manifests/*", "features/**/index.csv", "features/**/*.json")  # fmt: skip


def clone(commit: str, folder: Path) -> Path:
    """A clone at `commit`, kept for the next call."""
    sha = subprocess.run(["git", "rev-parse", commit], cwd=REPO, capture_output=True, text=True, check=True)
    code = folder / sha.stdout.strip()[:12]
    if not code.exists():
        subprocess.run(["git", "clone", "-q", REPO, code], check=True)
        subprocess.run(["git", "checkout", "-q", sha.stdout.strip()], cwd=code, check=True)
    return code


def snakemake(code: Path, project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", code / "Snakefile", "--directory", project.folder]
    command += ["--configfile", project.config, "--cores", "2", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(code)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=project.folder)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done


def finished(code: Path, study: Project) -> Project:
    """The study as the code of one commit finishes it, kept beside that code."""
    folder = code.with_name(f"{code.name}-{study.folder.parent.name}")
    if not (folder / "results-smoke" / "report.html").exists():
        shutil.rmtree(folder, ignore_errors=True)
        snakemake(code, study.copy(folder))
    return Project(folder)


def differences(a: Project, b: Project) -> list[str]:
    """Names of results that only one study has, or whose bytes differ."""
    names = {
        path.relative_to(each.results) for each in (a, b) for pattern in COMPARED for path in each.results.glob(pattern)
    }
    files = [(name, *(each.results / name for each in (a, b))) for name in sorted(names)]
    print(f"  {len(files)} results compared")
    return [
        str(name)
        for name, one, other in files
        if not (one.is_file() and other.is_file()) or one.read_bytes() != other.read_bytes()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base")
    parser.add_argument("head", nargs="?", default="HEAD")
    parser.add_argument("--folder", type=Path, help="keep clones and finished studies here")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    base, head = clone(arguments.base, folder), clone(arguments.head, folder)
    studies = {"smoke": Project(folder / "smoke" / "study", SMOKE)}
    miniature = folder / "miniature"
    if not miniature.exists():
        miniature.mkdir()
        write_miniature(miniature, encode_clip)
    studies["miniature"] = Project(miniature / "project")
    wrong = False
    for name, study in studies.items():
        print(f"{name}: {base.name} against {head.name}")
        old, new = finished(base, study), finished(head, study)
        for difference in differences(old, new):
            print(f"  differs: {difference}")
            wrong = True
        jobs = planned(snakemake(head, old, "--dry-run"))
        print(f"  in the study of {base.name}, {head.name} would run: {dict(jobs) or 'nothing'}")
        wrong |= bool(jobs)
    sys.exit(int(wrong))


if __name__ == "__main__":
    main()
