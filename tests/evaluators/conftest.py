"""Lets the tests of every domain import `in_process`."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))


DEAR = (
    "test_a_small_change_of_the_seed_can_change_the_score[edge_offloading]",
    "test_a_small_change_of_the_seed_can_change_the_score[llm_batching]",
    "test_a_small_change_of_the_seed_can_change_the_score[llm_routing]",
    "test_another_process_has_the_same_instances_and_gives_the_seed_the_same_figures[edge_offloading]",
    "test_another_process_has_the_same_instances_and_gives_the_seed_the_same_figures[llm_batching]",
    "test_fresh_instances_are_new_and_hang_on_their_seed_alone[llm_batching]",
    "test_fresh_instances_are_new_and_hang_on_their_seed_alone[txn_scheduling]",
    "test_what_is_written_is_read_back_and_scored[serverless_autoscaling]",
    "test_a_program_scores_as_on_the_split_and_no_reference_is_computed_again[llm_batching]",
    "test_it_is_the_same_data_in_the_same_order[serverless_autoscaling-validation]",
)
"""Claims that take ten seconds and more on one problem; `pytest -m slow` has them."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.name in DEAR:
            item.add_marker(pytest.mark.slow)
