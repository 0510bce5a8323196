import runpy


def evaluate(program_path):
    pack = runpy.run_path(program_path)["pack"]
    sizes = [4, 8, 1, 4, 2, 1]
    bins = pack(list(sizes), 10)
    if sorted(size for bin in bins for size in bin) != sorted(sizes) or any(sum(bin) > 10 for bin in bins):
        return {"combined_score": 0.0, "artifacts": {"feedback": "an item is missing, or a bin too full"}}
    return {"combined_score": 2 / len(bins), "artifacts": {"feedback": f"{len(bins)} bins"}}
