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
    "test_a_domain_writes_the_very_bytes_that_are_kept[serverless_autoscaling]",
    "test_a_score_without_ok_is_null_and_its_status_is_told[def answer():\\n    while True: pass\\n-timeout]",
    "test_a_shop_that_is_drawn_again_has_figures_of_its_own[blocking]",
    "test_a_stuck_evaluation_does_not_outlive_the_minutes_and_is_done_when_there_are_more[True]",
    "test_a_verifier_that_does_not_work_fails_one_claim_and_ends_the_check[import os; os._exit(0)]",
    "test_an_encoding_that_lacks_characters_gets_others_in_their_place[cp1252]",
    "test_an_imported_task_gives_the_same_score_with_the_program_in_the_sandbox[shinka_circles]",
    "test_an_imported_task_gives_the_same_score_with_the_program_in_the_sandbox[skydiscover_sorting]",
    "test_deterministic_one_seed_gives_one_archive_whatever_the_hash_seed_and_the_workers[m]",
    "test_each_file_form_holds_all_panels[.pdf]",
    "test_each_file_form_holds_all_panels[.png]",
    "test_fresh_instances_are_new_and_hang_on_their_seed_alone[txn_scheduling]",
    "test_fresh_instances_are_new_and_tell_programs_apart[contention]",
    "test_it_is_the_same_data_in_the_same_order[cloudcast-validation]",
    "test_its_own_test_file_passes[online]",
    "test_killed_after_any_commit_a_run_ends_as_if_undisturbed[False-6-4]",
    "test_killed_after_any_commit_a_run_with_racing_ends_as_if_undisturbed[False]",
    "test_many_small_parts_take_no_more_memory_than_allowed[80]",
    "test_many_small_parts_take_no_more_memory_than_allowed[90]",
    "test_one_signal_stops_cleanly_with_every_answer_in_flight_committed[15-SIGTERM]",
    "test_require_isolation_refuses_and_says_what_to_do[score]",
    "test_the_built_in_mutator_improves_it[online]",
    "test_the_heuristics_come_in_the_published_order[train]",
    "test_the_heuristics_come_in_the_published_order[validation]",
    "test_the_published_order_holds_in_ticks[validation]",
    "test_the_reference_sends_at_the_bound_or_slightly_above_it_on_every_broadcast[train]",
    "test_the_reference_sends_at_the_bound_or_slightly_above_it_on_every_broadcast[validation]",
    "test_what_is_missing_is_named_in_one_line[score]",
)
"""Cases that take long while a case of the same test that is not here shows the same; `pytest -m slow` has them."""


DEAR_PROBLEMS = (
    "cloud_balancing",
    "edge_offloading",
    "flow_time",
    "hybrid_storage",
    "llm_batching",
    "llm_routing",
    "moe_offloading",
    "pd_disaggregation",
    "serverless_autoscaling",
    "training_schedule",
)
DEAR_CLAIMS = (
    "test_a_program_scores_as_on_the_split",
    "test_a_small_change_of_the_seed",
    "test_another_process_has",
    "test_fresh_instances_are_new_and_hang",
    "test_it_is_the_same_data",
    "test_ten_attacks",
    "test_the_seed_can_be_drawn",
    "test_the_verifier_touches",
    "test_what_is_written_is_read",
)
"""Problems whose seed takes seconds on train, and claims that evaluate it often: together they are slow tests too."""


def is_dear(name: str) -> bool:
    """Whether a case, test_of_this[problem] or the like, is left to the slow tests."""
    test, _, case = name.partition("[")
    problem = case.rstrip("]").partition("-")[0]
    return name in DEAR or (problem in DEAR_PROBLEMS and test.startswith(DEAR_CLAIMS))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_dear(item.name):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What is imported and collected stays: the garbage collector need not go through it after each test."""
    gc.collect()
    gc.freeze()
