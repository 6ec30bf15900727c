"""vqa evaluate, videos, shown, tables, figures, report, compare"""

from pathlib import Path

import click

from vqa.cli.options import FILE, FOLDER, study_option
from vqa.config import Study


@click.command()
@study_option
@click.option("--metrics", type=FILE, required=True, help="metrics.csv to write")
@click.option("--statistics", type=FILE, required=True, help="statistics.csv to write")
def evaluate(study: Study, metrics: Path, statistics: Path) -> None:
    """Compute all metrics from the predictions, and the tests between modes, samplers and heads."""
    from vqa.results import comparisons, evaluation

    values = evaluation.evaluate_study(study)
    comparisons.write_statistics(statistics, comparisons.compare_study(study, values))
    evaluation.write_metrics(metrics, values)


@click.command()
@study_option
@click.option("--videos", type=FILE, required=True, help="videos.csv to write")
@click.option("--sensitivity", type=FILE, required=True, help="sensitivity.csv to write")
def videos(study: Study, videos: Path, sensitivity: Path) -> None:
    """Say of each test video how well it is predicted and how far a shuffle moves it, and test whether runs agree."""
    from vqa.results import videos as per_video
    from vqa.study.grid import Grid
    from vqa.study.runs import require_own_runs

    grid = Grid(study)
    require_own_runs(grid, grid.runs)
    found, tests = per_video.describe_videos(study)
    per_video.write(videos, found)
    per_video.write(sensitivity, tests)


@click.command()
@study_option
@click.option("--output", type=FILE, required=True, help="shown.json to write")
def shown(study: Study, output: Path) -> None:
    """Make what the report shows of single videos: their quality frame by frame in both orders, and pictures."""
    from vqa.results import shown as pictures
    from vqa.results.study_data import finished

    data = finished(study)
    pictures.write(output, pictures.show(study, data.videos, data.sensitivity))


@click.command()
@study_option
@click.option("--output", type=FOLDER, required=True, help="folder for csv, md and tex")
def tables(study: Study, output: Path) -> None:
    """Write the paper's tables I-VII, and those beyond it, beside the paper's own numbers."""
    from vqa.results.leftovers import remove_leftovers
    from vqa.results.study_data import finished
    from vqa.results.tables import write_tables

    data = finished(study)
    write_tables(data, output)
    remove_leftovers(output, data.contents.tables, (".csv", ".md", ".tex"))


@click.command()
@study_option
@click.option("--output", type=FOLDER, required=True, help="folder for png and pdf")
def figures(study: Study, output: Path) -> None:
    """Draw figures 3 and 4, and those beyond the paper."""
    from vqa.results.figures import draw_all
    from vqa.results.leftovers import remove_leftovers
    from vqa.results.study_data import finished

    data = finished(study)
    draw_all(data, output)
    remove_leftovers(output, data.contents.figures, (".png", ".pdf"))


@click.command()
@study_option
@click.option("--output", type=FILE, required=True, help="report.html to write")
def report(study: Study, output: Path) -> None:
    """Write one self-contained page with the verdicts, tables, figures, settings and provenance."""
    from vqa.results.report import write_report
    from vqa.results.study_data import finished

    write_report(finished(study), output)


@click.command()
@click.argument("a", type=FOLDER)
@click.argument("b", type=FOLDER)
@click.option("--output", type=FILE, help="also write the comparison as CSV")
def compare(a: Path, b: Path, output: Path | None) -> None:
    """Set two studies side by side: results folders A and B, same cells, common seeds."""
    from vqa.results.compare import compare_results

    click.echo(compare_results(a, b, output))
