"""What is taken for rounding, and what is not."""

import math

import pytest

from tests.conftest import assert_one_line_error, vqa
from tests.results.bundle.study import rewritten
from vqa.results.bundle.compare import compare_csv, compare_text, distance

TABLE = "dataset,seed,srocc,word\nd,0,0.5,a\nd,1,0.6,b\n"


def differences(own: str, tolerance: float = 1e-6) -> list[str]:
    return compare_csv("t.csv", TABLE, own, ("dataset", "seed"), tolerance).lines


@pytest.mark.parametrize(
    ("a", "b", "apart"),
    [
        ("0.5", "0.5", 0),
        ("0.5", "0.50", 0),
        ("0.5", "0.75", 0.25),
        ("200", "100", 0.5),
        ("", "", 0),
        ("", "0", math.inf),
        ("nan", "nan", 0),
        ("nan", "1", math.inf),
        ("inf", "1", math.inf),
        ("yes", "no", math.inf),
    ],
)
def test_numbers_are_apart_relative_beyond_one_and_words_are_equal_or_not(a, b, apart):
    assert distance(a, b) == apart == distance(b, a)


def test_rounding_is_told_and_no_difference():
    found = compare_csv("t.csv", TABLE, TABLE.replace("0.6", "0.6000002"), ("dataset", "seed"), 1e-6)
    assert found.lines == [] and found.largest == pytest.approx(2e-7)


def test_each_difference_names_its_cell():
    assert differences(TABLE.replace("0.6", "0.61")) == ["t.csv, dataset d, seed 1: srocc is 0.6, computed 0.61"]
    assert differences(TABLE.replace(",b", ",c")) == ["t.csv, dataset d, seed 1: word is b, computed c"]


def test_rows_and_columns_too_many_or_too_few_are_named():
    assert differences(TABLE + "d,2,0.1,c\n") == ["t.csv, dataset d, seed 2: is missing"]
    assert differences(TABLE.replace("d,1,0.6,b\n", "")) == [
        "t.csv, dataset d, seed 1: does not follow from the predictions"
    ]
    assert "has columns dataset, seed, srocc, word" in differences(TABLE.replace("word", "words"))[0]


def test_a_row_twice_is_a_row_more():
    assert differences(TABLE.replace("d,1,0.6,b\n", "d,0,0.5,a\n"))


def test_texts_differ_in_a_line():
    assert compare_text("t.md", "a\nb\n", "a\nb\n") == []
    assert compare_text("t.md", "a\nb\n", "a\nc\n") == ["t.md, line 2: is not what follows from the predictions"]
    assert compare_text("t.md", "a\nb\n", "a\n") == ["t.md, line 2: is not what follows from the predictions"]


def test_of_rounded_tables_decimals_may_differ_in_their_last_digit_and_nothing_else():
    def differ(a: str, b: str) -> bool:
        return bool(compare_text("t.md", a, b, rounded=True))

    assert not differ("| resnet50 | 0.812 (0.030) |", "| resnet50 | 0.813 (0.029) |")
    for other in ("| resnet51 | 0.812 (0.030) |", "| resnet50 | 0.815 (0.030) |", "| resnet50 | 0.81 (0.030) |"):
        assert differ("| resnet50 | 0.812 (0.030) |", other)
    assert differ("| 1 | a |", "| 2 | a |") and differ("40 videos", "41 videos")


def test_the_commands_say_equal_and_end_with_2_where_a_cell_differs(bundle, tmp_path):
    assert vqa("verify", bundle).stdout.endswith("\nequal\n")
    other = rewritten(
        bundle, tmp_path / "other.zip", {"results/metrics.csv": lambda text: text.replace(",OO,0,", ",OO,7,", 1)}
    )
    result = vqa("verify", other)
    assert_one_line_error(result, "metrics.csv, dataset cvd2014")
    assert "seed 7: does not follow from the predictions" in result.stdout and "equal" not in result.stdout.splitlines()


def test_an_unpacked_folder_and_a_bundle_by_command(results, tmp_path):
    made = vqa("bundle", results, "-o", tmp_path / "study.zip")
    assert made.returncode == 0 and "left out: features" in made.stdout and "SHA-256" in made.stdout
    assert vqa("unpack", tmp_path / "study.zip", "-o", tmp_path / "study").returncode == 0
    assert (tmp_path / "study" / "study.yaml").is_file()
    assert_one_line_error(vqa("unpack", tmp_path / "study.zip", "-o", tmp_path / "study"), "is there already")
