"""What is said of each test video, on studies of which it is known."""

import numpy as np
import pandas as pd
import pytest

from vqa.config import Study, parse
from vqa.evaluation.metrics import fit_logistic
from vqa.protocol.predictions import Prediction, to_csv
from vqa.results import ranking, videos
from vqa.study.layout import Layout
from vqa.system.files import write_text

NAMES = [f"{number:03d}" for number in range(60)]  # names that a reader may take for numbers
EXPERIMENTS = {"vsfa": {}, "mean": {"head": "fc-mean", "modes": ["OO"]}, "backwards": {"modes": ["SS"]}}


def study_of(folder, **shares) -> Study:
    """Ten seeds; a shuffle moves video i by i on average in `vsfa`, by rounding in `mean`; `056` is mispredicted."""
    experiments = {name: {"backbone": "resnet50", "batch_size": 4} | own for name, own in EXPERIMENTS.items()}
    raw = {"results": str(folder), "seeds": 10, "datasets": {"d": {"reader": "cvd2014", "path": "/nowhere"}}}
    study = parse(raw | {"experiments": experiments} | shares)
    mos = np.linspace(10, 90, 60)[np.random.default_rng(7).permutation(60)]
    for name in ("vsfa", "mean"):
        for seed in study.seeds:
            rng = np.random.default_rng([seed, 0])
            rows = []
            for i in np.sort(rng.permutation(60)[:24]):
                score = mos[i] + rng.normal(0, 2) - 40 * (i == 56) * (name == "vsfa")
                moved = i * rng.uniform(0.5, 1.5) * rng.choice([-1, 1]) if name == "vsfa" else 1e-5
                for order, said in (("O", score), ("S", score + moved)):
                    rows.append(Prediction(NAMES[i], "test", order, float(mos[i]), float(said)))
            write_text(Layout.of(study).run("d", name, "O", seed) / "predictions.csv", to_csv(rows))
    return study


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return study_of(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def found(study) -> tuple[pd.DataFrame, pd.DataFrame]:
    return videos.describe_videos(study)


def test_a_row_is_what_a_plain_loop_over_the_seeds_gives(study, found):
    row = found[0].query("experiment == 'vsfa' and video_id == '040'").iloc[0]
    scores, shifts, residuals = [], [], []
    for seed in study.seeds:
        frame = pd.read_csv(Layout.of(study).run("d", "vsfa", "O", seed) / "predictions.csv", dtype={"video_id": str})
        ordered, shuffled = (frame[frame["test_order"] == order].set_index("video_id") for order in "OS")
        if "040" in ordered.index:
            fit = fit_logistic(ordered["score"].to_numpy(), ordered["mos"].to_numpy())
            scores.append(ordered.loc["040", "score"])
            shifts.append(abs(shuffled.loc["040", "score"] - scores[-1]))
            residuals.append(fit.map(scores[-1]) - ordered.loc["040", "mos"])
    assert row["n_tests"] == len(scores) > 1
    assert row["spread"] == pytest.approx(np.std(scores, ddof=1)) and row["shift"] == pytest.approx(np.mean(shifts))
    assert row["residual"] == pytest.approx(np.mean(residuals))
    assert row["error"] == pytest.approx(np.mean(np.abs(residuals)))
    assert row["score"] == pytest.approx(row["mos"] + row["residual"])
    assert row["shift_to_spread"] == pytest.approx(row["shift"] / row["spread"])


def test_the_known_ranking_is_found_and_blind_heads_are_not_asked(found):
    per_video, tests = found
    answers = tests.set_index("experiment")
    assert list(answers.index) == ["vsfa", "mean"]  # none of a head that was never trained in order
    assert answers.loc["vsfa", "answer"] == videos.AGREE and answers.loc["vsfa", "p_holm"] == answers.loc["vsfa", "p"]
    assert answers.loc["mean", "answer"] == videos.BLIND and np.isnan(answers.loc["mean", "p"])
    top = ranking.most_sensitive(per_video, tests, "d")
    assert len(top) == 10 and set(top["experiment"]) == {"vsfa"}
    assert sum(int(name) >= 45 for name in top["video_id"]) >= 8
    worst = ranking.worst_predicted(per_video, "d").iloc[0]
    assert (worst["video_id"], worst["experiment"]) == ("056", "vsfa") and worst["residual"] < -20


def test_a_video_tested_once_is_shown_only_where_none_was_tested_twice():
    once = pd.DataFrame({"dataset": "d", "experiment": "e", "video_id": ["a", "b"], "n_tests": [1, 2], "error": [9, 1]})
    assert list(ranking.worst_predicted(once, "d")["video_id"]) == ["b"]
    assert list(ranking.worst_predicted(once.assign(n_tests=1), "d")["video_id"]) == ["a", "b"]


def test_files_are_read_as_they_were_written_and_written_alike(found, study, tmp_path):
    for name, frame in zip(("videos", "sensitivity"), found, strict=True):
        videos.write(tmp_path / name, frame)
        read = videos.read(tmp_path / name)
        pd.testing.assert_frame_equal(read, frame.reset_index(drop=True), check_dtype=False, rtol=1e-9)
        videos.write(tmp_path / "again", read)
        assert (tmp_path / "again").read_bytes() == (tmp_path / name).read_bytes()
    for first, second in zip(found, videos.describe_videos(study), strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_scores_that_were_never_shuffled_or_fit_nothing_leave_their_columns_empty(tmp_path):
    study = study_of(tmp_path, seeds=1)
    path = Layout.of(study).run("d", "mean", "O", 0) / "predictions.csv"
    frame = pd.read_csv(path, dtype=str)
    frame[frame["test_order"] == "O"].assign(score="1").to_csv(path, index=False)
    per_video, tests = videos.describe_videos(study)
    rows = per_video[per_video["experiment"] == "mean"]
    assert rows[["shift", "residual", "score", "spread"]].isna().all(axis=None) and len(rows) == 24
    assert list(tests["answer"]) == [videos.UNTESTED, videos.UNTESTED]  # one run agrees with none
