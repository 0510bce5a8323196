import argparse

from shinka.core import run_shinka_eval


def main(program_path, results_dir):
    return run_shinka_eval(
        program_path=program_path,
        results_dir=results_dir,
        experiment_fn_name="radii",
        num_runs=2,
        get_experiment_kwargs=lambda number: {"seed": number},
        validate_fn=lambda found: (max(found) < 1, "a radius is too large"),
        aggregate_metrics_fn=lambda all_of_them: {
            "combined_score": sum(map(sum, all_of_them)) / len(all_of_them),
            "public": {"circles": len(all_of_them[0])},
            "private": {"secret": 1},
            "text_feedback": "larger ones would be better",
        },
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path")
    parser.add_argument("--results_dir")
    given = parser.parse_args()
    main(given.program_path, given.results_dir)
