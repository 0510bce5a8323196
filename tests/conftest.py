"""Pytest puts the folder of a conftest.py on the import path, so that every test finds `model_server`."""

from __future__ import annotations

import gc
import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Runs of tests are remembered in a folder of the tests' own, not among the user's."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


DEAR = (
    "test_a_closed_or_full_stdout_is_no_traceback[> /dev/full]",
    "test_a_closed_or_full_stdout_is_no_traceback[>&- 2>&-]",
    "test_a_program_scores_as_on_the_split_and_no_reference_is_computed_again[cloud_balancing]",
    "test_a_program_scores_as_on_the_split_and_no_reference_is_computed_again[flow_time]",
    "test_a_program_scores_as_on_the_split_and_no_reference_is_computed_again[llm_batching]",
    "test_a_program_scores_as_on_the_split_and_no_reference_is_computed_again[serverless_autoscaling]",
    "test_a_score_without_ok_is_null_and_its_status_is_told[def answer():\\n    while True: pass\\n-timeout]",
    "test_a_small_change_of_the_seed_can_change_the_score[cloud_balancing]",
    "test_a_small_change_of_the_seed_can_change_the_score[edge_offloading]",
    "test_a_small_change_of_the_seed_can_change_the_score[llm_batching]",
    "test_a_small_change_of_the_seed_can_change_the_score[llm_routing]",
    "test_a_verifier_that_does_not_work_fails_one_claim_and_ends_the_check[import os; os._exit(0)]",
    "test_an_encoding_that_lacks_characters_gets_others_in_their_place[cp1252]",
    "test_an_imported_task_gives_the_same_score_with_the_program_in_the_sandbox[shinka_circles]",
    "test_an_imported_task_gives_the_same_score_with_the_program_in_the_sandbox[skydiscover_sorting]",
    "test_another_process_has_the_same_instances_and_gives_the_seed_the_same_figures[cloud_balancing]",
    "test_another_process_has_the_same_instances_and_gives_the_seed_the_same_figures[edge_offloading]",
    "test_another_process_has_the_same_instances_and_gives_the_seed_the_same_figures[flow_time]",
    "test_another_process_has_the_same_instances_and_gives_the_seed_the_same_figures[llm_batching]",
    "test_another_process_has_the_same_instances_and_gives_the_seed_the_same_figures[llm_routing]",
    "test_deterministic_one_seed_gives_one_archive_whatever_the_hash_seed_and_the_workers[m]",
    "test_each_file_form_holds_all_panels[.pdf]",
    "test_each_file_form_holds_all_panels[.png]",
    "test_fresh_instances_are_new_and_hang_on_their_seed_alone[cloud_balancing]",
    "test_fresh_instances_are_new_and_hang_on_their_seed_alone[llm_batching]",
    "test_fresh_instances_are_new_and_hang_on_their_seed_alone[training_schedule]",
    "test_fresh_instances_are_new_and_hang_on_their_seed_alone[txn_scheduling]",
    "test_fresh_instances_are_new_and_tell_programs_apart[contention]",
    "test_it_is_the_same_data_in_the_same_order[serverless_autoscaling-validation]",
    "test_many_small_parts_take_no_more_memory_than_allowed[80]",
    "test_one_signal_stops_cleanly_with_every_answer_in_flight_committed[15-SIGTERM]",
    "test_require_isolation_refuses_and_says_what_to_do[score]",
    "test_ten_attacks_on_the_verifier_gain_nothing[flow_time]",
    "test_ten_attacks_on_the_verifier_gain_nothing[llm_batching]",
    "test_the_built_in_mutator_improves_it[online]",
    "test_the_heuristics_come_in_the_published_order[train]",
    "test_the_heuristics_come_in_the_published_order[validation]",
    "test_the_reference_sends_at_the_bound_or_slightly_above_it_on_every_broadcast[validation]",
    "test_what_is_missing_is_named_in_one_line[score]",
    "test_what_is_written_is_read_back_and_scored[serverless_autoscaling]",
)
"""Cases that take long while a case of the same test that is not here shows the same; `pytest -m slow` has them."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.name in DEAR:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What is imported and collected stays: the garbage collector need not go through it after each test."""
    gc.collect()
    gc.freeze()
