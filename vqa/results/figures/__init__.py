"""Figures 3 and 4 of the paper, and those that show what it does not."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vqa.results.audit import QUESTION
from vqa.results.figures.audit import audit
from vqa.results.figures.leaderboard import leaderboard
from vqa.results.figures.models import models, scatter, training
from vqa.results.figures.order import modes, pairs
from vqa.results.figures.sampling import cost, samplers
from vqa.results.figures.videos import videos
from vqa.results.study_data import StudyData


@dataclass(frozen=True)
class Figure:
    """draw: to a folder, png and pdf; title and text: of the caption."""

    draw: Callable[[StudyData, Path], None]
    title: str
    text: str


FIGURES = {
    "modes": Figure(
        modes,
        "Frame order (paper: Fig. 3)",
        "SROCC of each mode minus that of OO, with the interval that TOST judges (90 % at alpha 5 %; corrected for "
        "overlapping splits, not adjusted for several comparisons); the band is the equivalence margin.",
    ),
    "samplers": Figure(
        samplers,
        "Sampling (paper: Fig. 4)",
        "SROCC by sampler, trained and tested in order: each run, and mean with std.",
    ),
    "pairs": Figure(pairs, "Run by run", "SROCC of every run under each mode; a line joins the modes of one seed."),
    "scatter": Figure(
        scatter, "Predictions", "Predicted score against MOS on the first seed's test set, with the fitted logistic."
    ),
    "training": Figure(
        training, "Training", "Validation SROCC by epoch, one line a seed; the dot marks the epoch that was selected."
    ),
    "models": Figure(
        models,
        "Temporal models",
        "Mean test SROCC in order, with std, against the multiply-adds of one video's score by the temporal model.",
    ),
    "leaderboard": Figure(
        leaderboard,
        "Ranks of all cells",
        "Every pair of cells of a dataset, by rank: Holm-adjusted p of the corrected test on SROCC. Beside each cell "
        "its mean SROCC and its groups; a box on the diagonal is a group, whose cells cannot be told apart.",
    ),
    "cost": Figure(
        cost,
        "Cost",
        "Frames read per training epoch against mean test SROCC, by sampler; beside each point the mean seconds "
        "of a whole training.",
    ),
    "videos": Figure(
        videos,
        "Video by video",
        "How far shuffled frames move each test video's score against how far training again does (std over seeds), "
        "in MOS units, by heads trained in order. Above the line order matters more than the seed.",
    ),
    "audit": Figure(
        audit,
        QUESTION,
        "SROCC that a protocol reports of the same trainings less what validated selection reports, cell by cell, with "
        "corrected intervals, not adjusted for several comparisons.",
    ),
}


def draw_all(data: StudyData, folder: Path) -> None:
    """Draw every figure of the study to `folder`, png and pdf."""
    for name in data.contents.figures:
        FIGURES[name].draw(data, folder)
