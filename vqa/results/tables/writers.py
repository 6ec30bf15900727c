"""A table as csv, Markdown and LaTeX (booktabs)."""

import csv
import io
from pathlib import Path

from vqa.results.tables.cells import Cell, Table
from vqa.system.files import write_text

_LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_"}
_LATEX |= {"{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$"}


def write_table(folder: Path, table: Table) -> None:
    """Write `<name>.csv`, `.md` and `.tex` to `folder`."""
    write_text(folder / f"{table.name}.csv", to_csv(table))
    write_text(folder / f"{table.name}.md", to_markdown(table))
    write_text(folder / f"{table.name}.tex", to_latex(table))


def to_csv(table: Table) -> str:
    """Full-precision numbers; a `mean (std)` column becomes two."""
    suffixes: list[list[str | None]] = [
        [*dict.fromkeys(key for row in table.rows for key in row[i].numbers)] or [None]
        for i in range(len(table.headers))
    ]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(h + (s or "") for h, keys in zip(table.headers, suffixes, strict=True) for s in keys)
    for row in table.rows:
        writer.writerow(_csv_value(c, s) for c, keys in zip(row, suffixes, strict=True) for s in keys)
    return buffer.getvalue()


def _csv_value(cell: Cell, suffix: str | None) -> str:
    if suffix is None:
        return cell.text
    number = cell.numbers.get(suffix)
    return "" if number is None or number != number else f"{number:.10g}"


def to_markdown(table: Table) -> str:
    def line(texts: list[str]) -> str:
        return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"

    bold = [[f"**{cell.text}**" if cell.bold else cell.text for cell in row] for row in table.rows]
    lines = [f"**{table.title}**", "", line(table.headers), line(["---"] * len(table.headers))]
    lines += [line(row) for row in bold]
    return "\n".join([*lines, "", *(f"{note}\n" for note in table.notes)])


def to_latex(table: Table) -> str:
    """A complete `table*` environment; needs \\usepackage{booktabs,graphicx}."""
    body = []
    previous = None
    for row in table.rows:
        if previous is not None and row[0].text != previous:
            body.append(r"\midrule")
        previous = row[0].text
        body.append(" & ".join(_latex_cell(cell) for cell in row) + r" \\")
    lines = [
        r"\begin{table*}[t]",
        r"\centering",
        rf"\caption{{{latex_text(table.title)}}}",
        rf"\label{{tab:{table.name}}}",
        r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{'l' * len(table.headers)}}}",
        r"\toprule",
        " & ".join(latex_text(header) for header in table.headers) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}}",
        *(rf"\par\smallskip{{\footnotesize {latex_text(note)}}}" for note in table.notes),
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _latex_cell(cell: Cell) -> str:
    text = latex_text(cell.text)
    return rf"\textbf{{{text}}}" if cell.bold else text


def latex_text(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
