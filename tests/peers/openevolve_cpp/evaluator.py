import subprocess
import tempfile
from pathlib import Path


def evaluate(program_path):
    binary = Path(tempfile.mkdtemp()) / "program"
    done = subprocess.run(["g++", "-O1", "-o", binary, program_path], capture_output=True, text=True)
    if done.returncode:
        return {"combined_score": 0.0, "error": done.stderr[:300]}
    found = int(subprocess.run([binary], input="10", capture_output=True, text=True, check=True).stdout)
    return {"combined_score": 1.0 / (1 + abs(found - 55)), "found": found}
