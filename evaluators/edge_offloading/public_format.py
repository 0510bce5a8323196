"""Places in the format of the EUA data set: a folder with one `site*.csv` and one `users*.csv`.

Both have a heading with LATITUDE and LONGITUDE, degrees. Speeds and tasks are drawn, the same for the same file names.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from evaluators.edge_offloading.system import Scene
from evaluators.edge_offloading.workload import Recipe, drawn_system, in_metres, read_places
from evolve.evaluator import UsageError

SCENES = 6


def read_scenes(path: Path) -> Sequence[Scene]:
    """Return six scenes at the sites of a folder. Raises UsageError: file and line."""
    texts = []
    for pattern in ("site*.csv", "users*.csv"):
        files = sorted(path.glob(pattern)) if path.is_dir() else []
        if len(files) != 1:
            raise UsageError(
                f"edge_offloading: {path} has {len(files)} files {pattern}; give a folder with one site*.csv and one "
                "users*.csv, as the EUA data set has them."
            )
        try:
            texts.append(read_places(files[0].read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            raise UsageError(f"edge_offloading: {files[0]}: is no text.") from None
        except (OSError, ValueError) as error:
            raise UsageError(f"edge_offloading: {files[0]}: {error}.") from None
    places = in_metres(*texts)
    recipe = Recipe(melbourne=True, edges=(min(5, len(texts[0])), min(8, len(texts[0]))))
    return [
        Scene(
            f"data/{path.resolve().name}-{k}",
            partial(drawn_system, recipe, f"edge_offloading/data/{k}", places),
            generated=False,
        )
        for k in range(SCENES)
    ]
