"""What Snakemake compares. A text that changes replans what users have finished: it may only change with its stage's
version.
"""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from tests.conftest import REPO
from vqa.config import LabelsDataset, Run, TableDataset, Training, code, identity, load, parse
from vqa.config.base import ADDED, Model
from vqa.config.heads import source
from vqa.manifest import Video
from vqa.study import depends
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.study.sources import Sources
from vqa.system.errors import UserError
from vqa.system.files import digest
from vqa.video.versions import libraries

# As this version's stages write them for workflow/studies/smoke.yaml. No device, no threads, no memory.
WRITTEN = {
    "demo": '{"fps":24,"height":64,"scenes":3,"seconds":0.75,"seed":0,"version":1,"videos":15,"width":96}',
    "extract": '{"backbone":"resnet3d18","bucket":[1,2],"cube_input":"crop112","decoder":"pyav",'
    '"libraries":"LIBRARIES","node":null,"on_bad_video":"fail","precision":"float32","sources":"SOURCES","storage":"float16","version":3,'
    '"videos":"2f4b3c8317ad725e"}',
    "extract flags": "--backbone resnet3d18 --cube-input crop112 --decoder pyav --precision float32 --storage float16 "
    "--on-bad-video fail",
    "index": '{"version":3}',
    "train": '{"run":{"batch_size":4,"epochs":4,"head":"vsfa","label_scale":"dataset","lr":0.0002,'
    '"precision":"float32","redraw":"run","sample_test":true,"sampler":4,"schedule":"constant",'
    '"selection":"best-val-srocc","split":"random","step_epochs":200,"step_gamma":0.8,"weight_decay":0.0},"version":3}',
    "train flags": "--batch-size 4 --epochs 4 --head vsfa --label-scale dataset "
    "--lr 0.0002 --precision float32 --redraw run --sample-test true --sampler 4 --schedule constant "
    "--selection best-val-srocc --split random --step-epochs 200 --step-gamma 0.8 --weight-decay 0.0",
    "evaluate": '{"cells":[["frame-level","OO","OS","SO","SS"],["cube-level","OO"],["sample-4","OO"]],'
    '"datasets":["demo"],"pairs":[],"seeds":[0,1],"statistics":{"alpha":0.05,"margin":0.02},"version":3}',
}


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    study = load(REPO / "workflow/studies/smoke.yaml")
    grid, layout, demo = Grid(study), Layout.of(study), study.datasets["demo"]
    sources = Sources(study, layout, grid)
    read = "resnet3d18", grid.backbone_of("resnet3d18").settings, study.extraction, demo
    run = grid.run_settings("sample-4")
    extract = depends.extract_depends(*read, 1, sources.bucket("demo", 1), "SOURCES")
    return {
        "demo": depends.demo_depends(demo),
        "extract": extract.replace(libraries("pyav"), "LIBRARIES"),
        "extract flags": depends.extract_flags(*read),
        "index": depends.index_depends(),
        "train": depends.train_depends(run, []),
        "train flags": depends.train_flags(run, []),
        "evaluate": depends.evaluate_depends(study, []),
    }


@pytest.mark.parametrize("rule", WRITTEN)
def test_what_a_rule_depends_on_is_written_as_before(told, rule):
    assert told[rule] == WRITTEN[rule]


class Tomorrow(Training):
    """Training with a key that is still to come."""

    warmup: int = Field(0, json_schema_extra=ADDED)
    clip: Literal["no", "yes"] = Field("no", json_schema_extra=ADDED)


class Outer(Model):
    training: Tomorrow = Tomorrow()


def test_a_key_to_come_is_no_part_of_any_identity_until_it_is_used():
    assert identity(Tomorrow()) == identity(Training())
    assert identity(Outer())["training"] == identity(Training())
    assert identity(Outer(training=Tomorrow(warmup=3)))["training"] == identity(Training()) | {"warmup": 3}


def test_flags_name_a_key_to_come_only_once_it_is_used():
    assert depends.flags(Tomorrow(), set()) == depends.flags(Training(), set())
    assert depends.flags(Tomorrow(warmup=3), set()).endswith("--warmup 3 --weight-decay 0.0")


def test_the_report_shows_the_whole_study_and_the_tables_what_they_are_made_from():
    study = load(REPO / "workflow/studies/smoke.yaml")
    assert depends.report_depends(study).startswith('3 {"name":"Smoke study on tiny synthetic clips","results":')
    assert '"jobs_per_gpu":1' in depends.report_depends(study)
    assert "jobs_per_gpu" not in depends.tables_depends(study) and "Smoke" not in depends.figures_depends(study)


def test_a_users_model_is_part_of_what_its_trainings_depend_on(tmp_path):
    (tmp_path / "mine.py").write_text("class Mine:\n    def __init__(self, input_size, width: int = 3): ...\n")
    run = Run(head={"name": f"{tmp_path}/mine.py:Mine", "width": 5})
    before = depends.train_depends(run, [])
    assert depends.train_depends(Run(head="vsfa"), []).count("source") == 0
    (tmp_path / "mine.py").write_text("class Mine:\n    def __init__(self, input_size, width: int = 4): ...\n")
    assert depends.train_depends(run, []) != before
    assert f'--head \'{{"name":"{tmp_path}/mine.py:Mine","width":5}}\'' in depends.train_flags(run, [])


def test_neither_vqa_nor_installed_packages_are_part_of_a_users_model(tmp_path, monkeypatch):
    """A clone beside the file, `pip install --target` on the path: their versions say what they change."""
    for name in ("site/mypkg", "site/big", "site/big-1.0.dist-info", "vqa/temporal"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
    text = "import big\nfrom vqa.temporal import pooling\nfrom mypkg import near\nclass H: ...\n"
    (tmp_path / "site/mypkg/model.py").write_text(text)
    (tmp_path / "site/mypkg/near.py").touch()
    (tmp_path / "single.py").write_text("from vqa.temporal import pooling\nimport vqa\nclass H: ...\n")
    monkeypatch.chdir(tmp_path)
    found = code.files("mypkg.model:H", tmp_path / "site/mypkg/model.py")
    assert {path.name for path in found} == {"model.py", "near.py", "__init__.py"} and len(found) == 3
    assert code.files("single.py:H", tmp_path / "single.py") == (tmp_path / "single.py",)


def test_a_file_within_an_installed_package_keeps_what_it_imports_of_it(tmp_path, monkeypatch):
    """Named by file, too; a package without a RECORD beside it, as Debian's, is another's."""
    site = tmp_path / "dist-packages"
    for name in ("pkg/heads.py", "pkg/__init__.py", "pkg/other.py", "big/__init__.py", "big-1.egg-info/PKG-INFO"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).touch()
    (site / "pkg/heads.py").write_text("import big\nfrom pkg.other import f\nclass H: ...\n")
    (site / "pkg-1.0.dist-info").mkdir()
    names = [b"pkg/heads.py", b"pkg/__init__.py", b"pkg/other.py", b"pkg/\xff.txt"]
    (site / "pkg-1.0.dist-info/RECORD").write_bytes(b"".join(name + b",sha256=a,1\n" for name in names))
    monkeypatch.syspath_prepend(site)
    for name in (f"{site}/pkg/heads.py:H", "pkg.heads:H"):
        found = code.files(name, site / "pkg/heads.py")
        assert {path.name for path in found} == {"heads.py", "other.py", "__init__.py"} and len(found) == 3


PACKAGE = {
    "mypkg/__init__.py": "",
    "mypkg/model.py": "from mypkg.parts import K\nfrom . import near\nfrom .deep import layers\nclass H: ...\n",
    "mypkg/parts.py": "K = 1\n", "mypkg/near.py": "", "mypkg/deep/__init__.py": "", "mypkg/deep/layers.py": "",
    "single.py": "from beside import layers\nimport other.inner\nclass H: ...\n",
    "beside/layers.py": "", "other/__init__.py": "", "other/inner.py": "",
}  # fmt: skip


@pytest.mark.parametrize(
    "head,files",
    [
        ("mypkg.model:H", ["mypkg/parts.py", "mypkg/near.py", "mypkg/deep/__init__.py", "mypkg/deep/layers.py"]),
        ("single.py:H", ["beside/layers.py", "other/__init__.py", "other/inner.py"]),
    ],
)
def test_every_file_that_a_users_model_imports_is_part_of_it(tmp_path, monkeypatch, head, files):
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    found = {source(head)}
    for number, name in enumerate(files, start=2):
        (tmp_path / name).write_text(f"EDITED = {number}\n")
        found.add(source(head))
        assert len(found) == number, name


@pytest.mark.parametrize(
    "tune,words",
    [
        ({"head.widht": [32]}, "has no option 'widht'; did you mean 'width'"),
        ({"head.dropout": ["much"]}, "dropout must be float, got 'much'"),
        ({"epochs": [5, -1]}, "tune.epochs: Input should be greater than or equal to 0, got -1"),
    ],
)
def test_a_point_that_cannot_be_is_one_line_before_anything_runs(tune, words):
    study = parse({
        "seeds": 1, "datasets": {"d": {"reader": "demo"}},
        "experiments": {"e": {"backbone": "efficientnet_lite0", "head": "tcn", "tune": tune}},
    })  # fmt: skip
    with pytest.raises(UserError, match=r"^experiments\.e: ") as caught:
        Grid(study)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings,written",
    [
        ({"reader": "konvid-1k", "path": "k"}, '"buckets": 16, "reader": "konvid-1k", "path": "k"'),
        ({"reader": "table", "path": "t.csv"}, '"buckets": 8, "reader": "table", "path": "t.csv"'),
        ({"reader": "vsfa-info", "path": "i", "videos": "v"},
         '"buckets": 8, "reader": "vsfa-info", "path": "i", "videos": "v"'),
    ],
)  # fmt: skip
def test_a_dataset_of_version_01_is_shown_as_before(settings, written):
    study = parse({"seeds": 1, "datasets": {"d": settings}, "experiments": {"e": {"backbone": "efficientnet_lite0"}}})
    shown = '{"exclude": [], "on_bad_video": "fail", ' + written + "}"
    assert f'"datasets":{{"d":{shown.replace(": ", ":").replace(", ", ",")}}}' in depends.report_depends(study)
    assert '"splits":{"method":"random"}' in depends.report_depends(study)


def test_split_files_reach_the_command_quoted():
    run = Grid(load(REPO / "workflow/studies/smoke.yaml")).run_settings("sample-4")
    assert depends.train_flags(run, [], [Path("a b/seed-0.csv")]).endswith(" --split-file 'a b/seed-0.csv'")


def test_permutations_reach_the_command_quoted():
    run = Grid(load(REPO / "workflow/studies/smoke.yaml")).run_settings("sample-4")
    assert depends.train_flags(run, [Path("a folder/info.mat")]).endswith(" --permutations 'a folder/info.mat'")


def test_the_content_of_a_split_file_counts_where_one_is_read():
    run = Grid(load(REPO / "workflow/studies/smoke.yaml")).run_settings("sample-4")
    assert depends.train_depends(run, [], ["a"]) != depends.train_depends(run, [], ["b"])
    assert depends.train_depends(run, [], []) == depends.train_depends(run, [])


def test_an_official_part_counts_and_its_absence_does_not():
    dataset = load(REPO / "workflow/studies/smoke.yaml").datasets["demo"]
    told = [
        depends.manifest_depends(dataset, [Video("a", "a.mp4", 1.0, split=part)]) for part in (None, "train", "val")
    ]
    assert len(set(told)) == 3
    without = {name: value for name, value in vars(Video("a", "a.mp4", 1.0)).items() if name != "split"}
    assert f'"videos":"{digest([without])}"' in told[0]


def test_the_order_of_the_labels_is_nothing_that_features_depend_on():
    study = load(REPO / "workflow/studies/smoke.yaml")
    read = "resnet3d18", Grid(study).backbone_of("resnet3d18").settings, study.extraction, study.datasets["demo"]
    videos = [Video("a", "a.mp4", 1.0), Video("b", "b.mp4", 2.0)]
    assert depends.extract_depends(*read, 0, videos, "") == depends.extract_depends(*read, 0, videos[::-1], "")


def test_a_setting_after_version_01_counts_by_the_videos_it_gives():
    videos = [Video("a", "a.mp4", 1.0)]
    plain = TableDataset(reader="table", path="t.csv")
    assert depends.manifest_depends(plain, videos) == depends.manifest_depends(
        plain.model_copy(update={"extension": ".mp4"}), videos
    )
    assert depends.manifest_depends(plain, videos) != depends.manifest_depends(
        plain.model_copy(update={"path": Path("other.csv")}), videos
    )
    labels = [LabelsDataset(reader="labels", path=path, videos="v") for path in ("a.txt", "b.txt")]
    assert len({depends.manifest_depends(each, videos) for each in labels}) == 1
    moved = [Video("a", "elsewhere/a.mp4", 1.0)]
    assert depends.manifest_depends(labels[0], videos) != depends.manifest_depends(labels[0], moved)
