"""What the model reads is true: the example runs, the attributes are those that are sent."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import evaluators.spot_multi
import seeds
from evaluators.spot_multi import SpotMulti
from evaluators.spot_multi.evaluator import SpotOptions
from evaluators.spot_multi.synthetic import CEILING_USD_PER_H
from evaluators.spot_multi.window import Info, Window
from evaluators.spot_traces.runs import ON_DEMAND_USD_PER_H, Observation
from evolve.evaluator import Split

STATEMENT = (Path(evaluators.spot_multi.__file__).parent / "problem.md").read_text(encoding="utf-8")


def test_the_example_policy_gives_the_example_answer_to_the_example_observation() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)
    program: dict[str, Any] = {}
    exec(code, program)
    example = SimpleNamespace(**program["example"])
    assert set(vars(example)) == set(Observation.__struct_fields__) | {"regions"}
    assert program["Policy"](example).decide(example) == program["answer"]


def test_every_attribute_is_explained() -> None:
    for field in (*Info.__struct_fields__, *Observation.__struct_fields__):
        assert f"`{field}`" in STATEMENT, field


def test_the_numbers_of_the_statement_are_those_of_the_windows() -> None:
    windows = [w for split in Split for w in SpotMulti().instances(split) if isinstance(w, Window)]
    assert {len(w.zones) for w in windows} <= set(range(2, 10))
    assert {min(map(len, (w.zones for w in windows))), max(map(len, (w.zones for w in windows)))} == {2, 9}
    prices = [usd for w in windows for steps in w.spot_usd_per_h for _, usd in steps]
    assert 0.9 <= min(prices) < max(prices) <= CEILING_USD_PER_H < 2.8
    assert f"({ON_DEMAND_USD_PER_H} USD/h)" in STATEMENT


def test_the_seed_marks_what_may_be_changed() -> None:
    seed = (Path(str(seeds.__file__)).parent / "spot_multi.py").read_text(encoding="utf-8")
    assert seed.index("# EVOLVE-BLOCK-START") < seed.index("class Policy") < seed.index("# EVOLVE-BLOCK-END")


def test_what_the_public_rules_reward_is_said_in_the_statement_and_by_the_audit() -> None:
    """Whoever names the region with the lowest first price in the last paid tick rewrites the bill of the whole run."""
    (public,) = re.findall(r"## The public rules\n(.*?)\n## ", STATEMENT, re.DOTALL)
    assert "first tick, in the region of the last tick that is paid" in " ".join(public.split())
    assert "last paid tick" in SpotMulti().remark(Split.PUBLIC)
    assert "last paid tick" in SpotMulti(SpotOptions(rules="public")).remark(Split.TEST)
    assert not SpotMulti().remark(Split.TEST)


def test_the_published_baseline_stays_where_its_work_is_done() -> None:
    """Else the public rules bill its spot at the first price of the next region: 182.07 in place of 69.05 USD."""
    program: dict[str, Any] = {}
    file = Path(evaluators.spot_multi.__file__).parent / "baselines" / "greedy_moves_on.py"
    exec(file.read_text(encoding="utf-8"), program)
    example = SimpleNamespace(
        regions=2,
        region=1,
        spot_available=[True, False],
        task_s=3600.0,
        done_s=3600.0,
        overhead_s=720.0,
        overhead_left_s=0.0,
        tick_s=195.0,
        elapsed_s=5000.0,
        deadline_s=20000.0,
        running="SPOT",
    )
    policy = program["Policy"](example)
    assert policy.decide(example) == ("NONE", 1)
    example.done_s = 3000.0
    assert policy.decide(example) == ("NONE", 0), "with work left it goes on to look elsewhere"
