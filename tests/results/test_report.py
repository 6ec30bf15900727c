"""The report as a reader sees it: a real browser, offline."""

import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.results import shown
from vqa.results.figures import draw_all
from vqa.results.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


def axe_core() -> Path | None:
    """axe.min.js where npm's global packages lie, or below NODE_PATH; None where it is not installed."""
    roots = os.environ.get("NODE_PATH", "").split(os.pathsep)
    if shutil.which("npm"):
        roots.append(subprocess.run(["npm", "root", "--global"], capture_output=True, text=True).stdout.strip())
    files = (Path(root) / "axe-core" / "axe.min.js" for root in roots if root)
    return next((file for file in files if file.is_file()), None)


# The lowest contrast ratio of any text against the background it stands on (WCAG 2.1).
CONTRAST = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const background = (element) => {
    for (; element; element = element.parentElement) {
      const colour = parse(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const ratios = [...document.querySelectorAll("h1,h2,h3,p,li,td,th button,a,figcaption,dt,dd,code,summary,button")]
    .filter((element) => element.innerText && !element.classList.contains("skip"))
    .map((element) => {
      const pair = [light(parse(getComputedStyle(element).color)), light(background(element))].sort((a, b) => b - a);
      return (pair[0] + 0.05) / (pair[1] + 0.05);
    });
  return Math.min(...ratios);
}"""

PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium; CI installs it")


def with_pictures(made: dict) -> dict:
    """A curve of every video but one, and pictures; the fake study holds neither heads nor videos."""
    curve = {"experiment": "frame-level", "seed": 0, "place": [0, 3, 6, 9], "rate": 24.0}
    curve |= {"in_order": [1.0, 2.0, 4.0, 3.0], "shuffled": [2.5, 1.5, 3.0, 2.0]}
    for videos in made.values():
        for number, told in enumerate(videos.values()):
            told |= {"curve": curve, "strip": PIXEL, "note": ""} if number else {}
    return made


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    study = write_fake(paper_study(folder / "results", seeds=3, plots={"dpi": 60}), {("frame-level", "OS"): 0.4})
    data = evaluated(study)
    draw_all(data, study.results / "figures")
    shown.write(study.results / "shown.json", with_pictures(shown.read(study.results / "shown.json")))
    write_report(data, folder / "attachment" / "report.html")  # away from everything it was made from
    return folder / "attachment" / "report.html"


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser, report):
    """The open report; any console error or request for another file fails the test."""
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    problems: list[str] = []
    opened.on(
        "console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None
    )
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda r: problems.append(r.url[:80]) if not r.url.startswith(("file:", "data:")) else None)
    opened.goto(report.as_uri())
    yield opened
    assert problems == []
    opened.close()


def test_every_figure_is_there_and_drawn(page):
    images = page.locator("figure img")
    assert images.count() == 8
    assert all(images.nth(i).evaluate("image => image.naturalWidth") > 300 for i in range(8))
    assert all(images.nth(i).get_attribute("alt") for i in range(8))


def test_tables_sort_both_ways_by_number(page):
    table = page.locator("table[data-name='frame-level']")
    heading = table.locator("th button", has_text="SROCC").first
    column = page.evaluate("button => button.closest('th').cellIndex", heading.element_handle())

    def values() -> list[float]:
        return [
            float(text.split(" ")[0])
            for text in table.locator(f"tbody tr td:nth-child({column + 1})").all_inner_texts()
        ]

    before = values()
    heading.click()
    assert values() == sorted(before) and before != sorted(before)
    heading.click()
    assert values() == sorted(before, reverse=True)
    assert table.locator("th").nth(column).get_attribute("aria-sort") == "descending"


def test_sorting_works_from_the_keyboard(page):
    heading = page.locator("table[data-name='verdicts'] th button").nth(3)
    heading.focus()
    page.keyboard.press("Enter")
    assert page.locator("table[data-name='verdicts'] th").nth(3).get_attribute("aria-sort") == "ascending"


def test_copy_as_csv_and_latex_download(page):
    page.locator("[data-copy='datasets']").click()
    page.wait_for_function("document.querySelector('#table-datasets .status').textContent === 'Copied.'")
    with page.expect_download() as download:
        page.locator("#table-frame-level a[download]").click()
    assert "\\toprule" in Path(download.value.path()).read_text()


@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_never_scrolls_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_says_what_a_reader_must_know(page):
    text = page.inner_text("body")
    for words in ("LIVE-VQC column", "equivalent", "240 frames decoded, the container says 250", "bad.mp4: is empty",
                  "snakemake --cores N", "0000000000000000", "resnet3d101-2018"):  # fmt: skip
        assert words in text, words


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(page, scheme):
    """WCAG AA: at least 4.5 to 1 for every visible text against the page's background."""
    page.emulate_media(color_scheme=scheme)
    worst = page.evaluate(CONTRAST)
    assert worst >= 4.5


def test_structure_is_accessible(page):
    """What automated checkers ask first: language, title, one h1, headings in order, names for everything."""
    assert page.get_attribute("html", "lang") == "en" and page.title()
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => Number(h.tagName[1]))")
    assert levels.count(1) == 1 and all(b - a <= 1 for a, b in pairwise(levels))
    unnamed = "[...document.querySelectorAll('button,a')].filter((e) => !e.innerText.trim()).length"
    assert page.evaluate(unnamed) == 0
    regions = page.locator(".scroll")
    assert regions.count() == page.locator(".scroll[tabindex='0'][role='region']").count() > 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


def test_print_leaves_out_what_paper_cannot_do(page):
    page.emulate_media(media="print")
    assert not page.locator(".actions").first.is_visible() and not page.locator("nav").is_visible()
    assert page.pdf().startswith(b"%PDF")


def test_single_videos_have_their_curve_and_pictures_or_a_line(page):
    cards = page.locator("#single-videos .cards li")
    assert cards.count() == 80  # ten and ten of four datasets
    without = cards.filter(has_text="No curve: the head or the features are not there any more.")
    drawn = cards.filter(has=page.locator("svg[role='img']")).filter(has=page.locator("img.strip"))
    assert without.count() >= 4 and without.locator("svg").count() == 0
    assert drawn.count() == 80 - without.count()
    label = drawn.first.locator("svg").get_attribute("aria-label")
    assert label.startswith("Quality of each frame of v") and label.endswith("in order 1 to 4, shuffled 1.5 to 3")
    assert "blind to order: cube-level" in page.locator("#single-videos").inner_text()


def test_the_contents_lead_to_every_section_figure_and_table(page):
    targets = page.evaluate("[...document.querySelectorAll('nav a')].map((a) => a.getAttribute('href').slice(1))")
    there = page.evaluate("[...document.querySelectorAll('main > section, figure, article')].map((e) => e.id)")
    assert set(there) <= set(targets) and len(targets) == len(set(targets))
    assert all(page.locator(f"[id='{target}']").count() == 1 for target in targets)


def test_the_keyboard_reaches_the_results_first_and_sees_where_it_is(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    heading = page.locator("table[data-name='verdicts'] th button").first
    heading.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert heading.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"


@pytest.mark.skipif(axe_core() is None, reason="needs axe-core; CI installs it")
@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(page, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(axe_core().read_text())
    found = page.evaluate("axe.run()")["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
