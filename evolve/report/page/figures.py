"""A run's figures for a paper: curve, lineage, splits, instances and pictures, as SVG and PDF, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evolve.archive import Store
from evolve.draw.plotted import require_library, save_with_numbers
from evolve.report.page.charts import curve_picture, lineage_picture, splits_picture, where_picture
from evolve.report.page.comparison import curves_picture
from evolve.report.page.run_page import Pictures
from evolve.report.run_report import describe


def write_figures(stores: Sequence[Store], pictures: Pictures, folder: Path) -> list[Path]:
    """Write the figures of a run, or of several ones each in a folder of its own, and of all of them together.

    Raises UsageError when matplotlib is missing, or a file cannot be written.
    """
    require_library()
    files = []
    for store in stores:
        own = folder if len(stores) == 1 else folder / store.folder.name
        report = describe(store)
        found = {
            "curve": curve_picture(store, report),
            "lineage": lineage_picture(store, report),
            "splits": splits_picture(report),
            "instances": where_picture(store, report)[0],
        }
        if len(stores) == 1:
            found |= {f"picture-{number + 1}": one for number, one in enumerate(pictures.drawn)}
        for name, picture in found.items():
            if picture is not None:
                files += save_with_numbers(picture, own / name)
    if len(stores) > 1:
        together = curves_picture(stores)
        if together is not None:
            files += save_with_numbers(together, folder / "curves")
    return files
