"""statistics.csv where splits repeat or vary, where experiments are unlike, and where a study is too small."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.results.comparisons import COLUMNS, compare_study, read_statistics, write_statistics
from vqa.results.evaluation import evaluate_study
from vqa.results.study_data import StudyData
from vqa.results.tables import Table, all_tables

CVD = {"cvd2014": {"reader": "cvd2014", "path": "/nowhere"}}
FRAMES = {"frames": {"backbone": "resnet50", "batch_size": 128, "modes": ["OO", "OS"]}}
WORSE = {("frames", "OS"): 0.3}


def make(folder: Path, seeds: int = 6, **extra: object) -> StudyData:
    study = paper_study(folder / "results", seeds=seeds, **{"datasets": CVD, "experiments": FRAMES} | extra)
    return evaluated(write_fake(study, WORSE))


def table(data: StudyData, name: str = "verdicts") -> Table:
    return next(each for each in all_tables(data) if each.name == name)


def column(shown: Table, header: str) -> list[str]:
    return [row[shown.headers.index(header)].text for row in shown.rows]


def seed_folder(data: StudyData, seed: int) -> Path:
    return data.results / f"runs/cvd2014/frames/O/seed-{seed}"


def set_sizes(data: StudyData, seed: int, train: int, test: int) -> None:
    path = seed_folder(data, seed) / "run.json"
    made = json.loads(path.read_text())
    path.write_text(json.dumps(made | {"videos": {"train": train, "val": 10, "test": test}}))


def test_columns_are_only_added():
    assert COLUMNS[:19] == [
        "family", "dataset", "experiment", "mode", "baseline_experiment", "baseline_mode", "metric", "n_seeds",
        "difference", "ci_low", "ci_high", "d_z", "p_paired", "p_corrected", "p_wilcoxon", "p_tost", "flag", "p_holm",
        "verdict",
    ]  # fmt: skip


def test_every_seeds_own_sizes_are_used(tmp_path):
    """Of the runs whose order the condition's train order names: there are no others in this study."""
    data = make(tmp_path)
    sizes = [(100 + seed, 20 + 5 * seed) for seed in range(6)]
    for seed, (train, test) in enumerate(sizes):
        set_sizes(data, seed, train, test)
    found = compare_study(data.study, data.metrics).iloc[0]
    d = (
        data.cell("cvd2014", "frames", "OS")["srocc"].to_numpy()
        - data.cell("cvd2014", "frames", "OO")["srocc"].to_numpy()
    )
    error = d.std(ddof=1) * np.sqrt(1 / 6 + np.mean([test / train for train, test in sizes]))
    assert found["p_corrected"] == pytest.approx(2 * stats.t.sf(abs(d.mean() / error), 5))


def test_a_test_set_drawn_twice_counts_once_and_is_told(tmp_path):
    data = make(tmp_path)
    for seed in (3, 4, 5):
        ids = [pd.read_csv(seed_folder(data, s) / "predictions.csv")["video_id"] for s in (seed - 3, seed)]
        again = pd.read_csv(seed_folder(data, seed) / "predictions.csv").assign(video_id=ids[0])
        again.to_csv(seed_folder(data, seed) / "predictions.csv", index=False)
    data = evaluated(data.study)
    assert set(data.statistics["n_splits"]) == {3} and set(data.statistics["n_seeds"]) == {6}
    said = "cvd2014: the test sets of 6 runs have so many videos in common that they count as 3 in the corrected tests."
    assert said in table(data).notes


@pytest.mark.parametrize("method", ["files", "random", "official"])
def test_only_test_sets_of_the_users_count_what_they_have_in_common(tmp_path, method):
    """Seed s is tested on the videos s to s + 46: of drawn parts, that would be chance."""
    data = make(tmp_path, splits={"method": method} | ({"path": "parts"} if method == "files" else {}))
    for seed in range(6):
        rows = pd.read_csv(seed_folder(data, seed) / "predictions.csv")
        rows["video_id"] = "v" + (rows.groupby("test_order").cumcount() + seed).astype(str)
        rows.to_csv(seed_folder(data, seed) / "predictions.csv", index=False)
    found = evaluated(data.study).statistics.query("metric == 'srocc'").iloc[0]
    orders = [data.cell("cvd2014", "frames", mode)["srocc"].to_numpy() for mode in ("OS", "OO")]
    d = orders[0] - orders[1]
    common = 1 - np.abs(np.subtract.outer(range(6), range(6))) / 47
    apart = common if method == "files" else np.where(common == 1, 1, 47 / 187)
    mean = (apart.sum() - 6) / 30
    spectrum = np.linalg.eigvals((np.eye(6) - 1 / 6) @ apart).real
    df = spectrum.sum() ** 2 / (spectrum**2).sum()
    t = d.mean() / (d.std(ddof=1) * np.sqrt(1 / 6 + mean / (1 - mean)))
    assert found["p_corrected"] == pytest.approx(2 * stats.t.sf(abs(t), df))
    assert found["n_splits"] == (3 if method == "files" else 6)


def test_margins_belong_to_a_metric(tmp_path):
    data = make(tmp_path)
    defined = data.statistics.set_index("metric")["p_tost"].notna()
    assert defined.to_dict() == {"srocc": True, "plcc": False, "krocc": False, "rmse": False}
    assert data.statistics.set_index("metric")["p_tost_holm"].notna().to_dict() == defined.to_dict()
    settings = data.study.statistics.model_copy(update={"margins": {"plcc": 0.5, "rmse": 1e-6}})
    study = data.study.model_copy(update={"statistics": settings})
    found = compare_study(study, data.metrics).set_index("metric")
    assert found.loc["plcc", "p_tost"] < 0.05 < found.loc["rmse", "p_tost"] and np.isnan(found.loc["krocc", "p_tost"])


def test_what_else_differs_stands_in_the_row(tmp_path):
    thin = {"backbone": "resnet50", "sampler": 16, "batch_size": 256, "lr": 1e-4, "epochs": 7, "modes": ["OO"]}
    data = make(tmp_path, experiments=FRAMES | {"thin": thin})
    told = data.statistics.set_index("experiment")["unlike"].to_dict()
    assert told == {"frames": "", "thin": "epochs 7 for 2000, lr 0.0001 for 1e-05, batch_size 256 for 128"}
    assert column(table(data), "Also unlike") == ["", told["thin"]]
    assert "Also unlike" not in table(make(tmp_path / "alike")).headers


def test_a_study_too_small_for_its_margin_says_so(tmp_path):
    data = make(tmp_path)
    row = data.statistics.iloc[0]
    assert row["provable"] > 0.02 and row["detectable"] > row["provable"]
    assert any(note.startswith("Too small for its question: in 1 of 1 comparisons") for note in table(data).notes)
    shown = table(data)
    assert column(shown, "Detectable") == [f"{row['detectable']:.3f}"]
    assert column(shown, "90 % interval") == [f"{row['tost_low']:+.3f} to {row['tost_high']:+.3f}"]
    assert column(shown, "95 % interval") == [f"{row['ci_low']:+.3f} to {row['ci_high']:+.3f}"]
    large = data.study.statistics.model_copy(update={"margin": 0.5, "alpha": 0.01})
    data = evaluated(data.study.model_copy(update={"statistics": large}))
    assert not any("Too small" in note for note in table(data).notes)
    assert {"98 % interval", "99 % interval"} <= set(table(data).headers)


def test_a_flag_stands_beside_the_word(tmp_path):
    data = make(tmp_path, seeds=2)
    assert column(table(data), "Verdict") == ["undecided (few-seeds)"]
    assert any("in 1 of 1 comparisons" in note for note in table(data).notes)


def test_written_statistics_are_read_back(tmp_path):
    data = make(tmp_path)
    frame = compare_study(data.study, evaluate_study(data.study))
    frame.loc[0, ["spread", "p_holm"]] = 1 / 3, 1.25e-7
    write_statistics(tmp_path / "s.csv", frame)
    first = (tmp_path / "s.csv").read_text().splitlines()[1].split(",")
    assert [first[COLUMNS.index(name)] for name in ("spread", "p_holm")] == ["0.3333333333", "1.25e-07"]
    again = read_statistics(tmp_path / "s.csv")
    assert list(again.columns) == COLUMNS and (again["flag"] == "").all() and (again["unlike"] == "").all()
    pd.testing.assert_frame_equal(again, frame, check_dtype=False, rtol=1e-9)


def test_experiments_named_like_numbers_are_found_in_the_written_statistics(tmp_path):
    names = ("2014", "nan", "NA", "1e3")
    data = make(tmp_path, experiments=dict.fromkeys(names, FRAMES["frames"]))
    assert data.statistics["experiment"].unique().tolist() == list(names)
    for name in names:
        assert data.comparison("modes", "cvd2014", name, "OS")["baseline_experiment"] == name
    alone = make(tmp_path / "alone", experiments={"16": FRAMES["frames"]})
    assert alone.comparison("modes", "cvd2014", "16", "OS")["baseline_experiment"] == "16"


def test_an_experiment_without_oo_takes_no_table_from_the_others(tmp_path):
    shuffled = {"backbone": "resnet50", "modes": ["OS", "SS"]}
    data = make(tmp_path, experiments=FRAMES | {"shuffled": shuffled})
    assert "ttest-modes" in data.contents.tables and "modes" in data.contents.figures
    assert [row[0].text for row in table(data, "ttest-modes").rows] == ["frames", "frames"]
    only = data.study.model_copy(update={"experiments": {"shuffled": data.study.experiments["shuffled"]}})
    assert "ttest-modes" not in StudyData(only).contents.tables
