"""What the report says of its controls: datasets of which the answer is known beforehand."""

import pandas as pd

from vqa.config import DemoDataset, Study
from vqa.config.names import Control
from vqa.results.study_data import StudyData

QUESTION = "Does this study see an effect of order where there is one, and none where there is none?"
ABOUT = (
    "Two controls, both synthetic. In the positive one the light fails for a third of each clip and raters weigh the "
    "last moments most, so that shuffled frames hide what the rating is about; in the negative one it fails in frames "
    "here and there and all moments count alike, so that a shuffle changes nothing that could be known."
)


def control_of(study: Study, dataset: str) -> Control:
    """`none` for a dataset that is no control."""
    settings = study.datasets.get(dataset)
    return settings.control if isinstance(settings, DemoDataset) else "none"


def without_controls(study: Study, comparisons: pd.DataFrame) -> pd.DataFrame:
    """The comparisons that ask something."""
    return comparisons[comparisons["dataset"].map(lambda dataset: control_of(study, dataset)) == "none"]


def answer(data: StudyData) -> list[tuple[str, str, list[str]]]:
    """(question, answer, a line a control) of the summary; nothing where a study has no controls."""
    rows = data.statistics[(data.statistics["metric"] == "srocc") & (data.statistics["family"] == "modes")]
    lines, held = [], []
    for name in data.study.datasets:
        control = control_of(data.study, name)
        for row in rows[rows["dataset"] == name].to_dict("records") if control != "none" else ():
            held.append((row["verdict"] == "different") == (control == "positive"))
            lines.append(
                f"{name} ({control} control): {row['experiment']} {row['mode']} against {row['baseline_mode']} is "
                f"{row['verdict']}, by {row['difference']:+.3f} SROCC over {row['n_seeds']} runs"
                f"{'' if held[-1] else ', which it should not be' if control == 'negative' else ', though it matters'}"
            )
    if not lines:
        return []
    said = "Yes" if all(held) else f"Not in {held.count(False)} of {len(held)} comparisons"
    return [(QUESTION, f"{said}.", [ABOUT, *lines])]
