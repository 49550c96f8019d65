"""Write the comparison with other codecs as one HTML page, from committed rows alone.

The page holds its plots and images, and loads nothing. `--markdown` writes the short form for a README.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.provenance import RESULTS
from benchmarks.report_html.page import page
from benchmarks.report_html.rows import compare_rows
from benchmarks.report_html.summary import summary

MOST_BYTES = 5_000_000


@click.command()
@click.option(
    "-o",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RESULTS / "report.html",
    help="The page; benchmarks/results/report.html if not given.",
)
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write a summary, too.")
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of what benchmarks.compare_images wrote; benchmarks/results/sheets if not given.",
)
@click.option(
    "--rows",
    "compare",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rows of the comparison; benchmarks/results/compare.jsonl if not given.",
)
def main(output: Path, markdown: Path | None, images: Path | None, compare: Path | None) -> None:
    """Write the report."""
    rows_path = compare if compare is not None else RESULTS / "compare.jsonl"
    drawn = images if images is not None else RESULTS / "sheets"
    text = page(RESULTS, rows_path, drawn if drawn.is_dir() else None).encode()
    if len(text) > MOST_BYTES:
        raise click.ClickException(f"the page has {len(text):,} bytes, expected {MOST_BYTES:,} at most")
    output.write_bytes(text)
    click.echo(f"{output.name}: {len(text):,} bytes")
    if markdown is not None:
        markdown.write_text(summary(compare_rows(rows_path)))


if __name__ == "__main__":
    main()
