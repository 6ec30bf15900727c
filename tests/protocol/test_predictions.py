"""predictions.csv: every digit of a score comes back, and ids stay text."""

import pytest

from vqa.protocol import predictions
from vqa.protocol.predictions import Prediction
from vqa.system.errors import UserError

ROWS = [
    Prediction("0012", "val", "O", 3.1, 0.1 + 0.2),
    Prediction("1e5", "test", "O", -6.5, float("nan")),
    Prediction("a,b", "test", "S", 1 / 3, 1e-300),
]


def test_a_file_is_plain_csv_with_unix_lines():
    assert predictions.to_csv(ROWS[:2]) == (
        "video_id,split,test_order,mos,score\n0012,val,O,3.1,0.30000000000000004\n1e5,test,O,-6.5,nan\n"
    )


def test_what_is_written_comes_back_in_full(tmp_path):
    (tmp_path / "p.csv").write_text(predictions.to_csv(ROWS))
    frame = predictions.read(tmp_path / "p.csv")
    assert frame["video_id"].tolist() == ["0012", "1e5", "a,b"]
    assert frame["mos"].tolist() == [row.mos for row in ROWS]
    assert frame["score"].tolist()[::2] == [row.score for row in ROWS][::2] and frame["score"].isna()[1]


def test_ids_of_digits_keep_their_zeros(tmp_path):
    (tmp_path / "p.csv").write_text(predictions.to_csv([row for row in ROWS if row.video_id == "0012"]))
    assert predictions.read(tmp_path / "p.csv")["video_id"].tolist() == ["0012"]


def test_a_file_that_is_missing_or_empty_says_what_makes_it(tmp_path):
    with pytest.raises(UserError, match=r"p\.csv: cannot be read \(.*No such file.*\); run `snakemake"):
        predictions.read(tmp_path / "p.csv")
    (tmp_path / "p.csv").touch()
    with pytest.raises(UserError, match=r"p\.csv: cannot be read"):
        predictions.read(tmp_path / "p.csv")


def test_missing_columns_are_named_in_alphabetical_order(tmp_path):
    (tmp_path / "p.csv").write_text("video_id,split,mos\na,val,1\n")
    with pytest.raises(UserError, match=r"p\.csv: has no column score, test_order; delete it"):
        predictions.read(tmp_path / "p.csv")
