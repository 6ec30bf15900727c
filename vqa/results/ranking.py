"""The videos that a reader is shown: those whose scores a shuffle moves most, and those that are mispredicted most."""

import pandas as pd

from vqa.results.videos import BLIND

SHOWN = 10


def most_sensitive(videos: pd.DataFrame, tests: pd.DataFrame, tested: str) -> pd.DataFrame:
    """Rows of videos.csv, at most `SHOWN`: of each video that of the experiment whose score moves most, by the mean
    over the experiments that are not blind to order.
    """
    blind = tests[(tests["dataset"] == tested) & (tests["answer"] == BLIND)]
    return _ranked(videos[(videos["dataset"] == tested) & ~videos["experiment"].isin(blind["experiment"])], "shift")


def worst_predicted(videos: pd.DataFrame, tested: str) -> pd.DataFrame:
    """The same by the mean error over all experiments; of each video the row of the worst."""
    return _ranked(videos[videos["dataset"] == tested], "error")


def shown(videos: pd.DataFrame, tests: pd.DataFrame, tested: str) -> list[str]:
    """Every video that is shown of what is tested, once."""
    both = most_sensitive(videos, tests, tested), worst_predicted(videos, tested)
    return list(dict.fromkeys(video for rows in both for video in rows["video_id"]))


def by_experiment(videos: pd.DataFrame, tested: str, video_id: str, column: str) -> list[str]:
    """The experiments that tested a video, from the largest value of a column."""
    rows = videos[(videos["dataset"] == tested) & (videos["video_id"] == video_id)].dropna(subset=[column])
    return list(rows.sort_values(column, ascending=False, kind="stable")["experiment"])


def _ranked(videos: pd.DataFrame, column: str) -> pd.DataFrame:
    """A video that one run alone tested comes up by chance: those that several did go first, where there are any."""
    known = videos.dropna(subset=[column])
    often = known[known["n_tests"] > 1] if (known["n_tests"] > 1).any() else known
    mean = often.groupby("video_id", sort=True)[column].mean()
    top = mean.sort_values(ascending=False, kind="stable").index[:SHOWN]
    largest = often.loc[often.groupby("video_id")[column].idxmax()].set_index("video_id", drop=False)
    return largest.loc[top].reset_index(drop=True)
