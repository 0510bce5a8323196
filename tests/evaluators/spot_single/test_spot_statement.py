"""What the model reads is true: the example runs, the attributes are those that are sent."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import evaluators.spot_single
from evaluators.spot_single.mechanics import Info
from evaluators.spot_traces.runs import Observation

STATEMENT = (Path(evaluators.spot_single.__file__).parent / "problem.md").read_text(encoding="utf-8")


def test_the_example_policy_gives_the_example_answer_to_the_example_observation() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)
    program: dict[str, Any] = {}
    exec(code, program)
    example = SimpleNamespace(**program["example"])
    assert set(vars(example)) == set(Observation.__struct_fields__)
    assert program["Policy"](example).decide(example) == program["answer"]


def test_every_attribute_is_explained() -> None:
    for field in (*Info.__struct_fields__, *Observation.__struct_fields__):
        assert f"`{field}`" in STATEMENT, field


def test_the_seed_marks_what_may_be_changed() -> None:
    import seeds

    seed = (Path(str(seeds.__file__)).parent / "spot_single.py").read_text(encoding="utf-8")
    assert seed.index("# EVOLVE-BLOCK-START") < seed.index("class Policy") < seed.index("# EVOLVE-BLOCK-END")
