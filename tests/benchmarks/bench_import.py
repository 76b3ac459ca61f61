"""``import memgym``: what it adds to ``import gymnasium``, and that torch stays out.

``tox run -e bench`` runs it.
"""

from __future__ import annotations

import subprocess
import sys

from timing import Report

RUNS = 7
PROGRAM = """
import sys, time
start = time.perf_counter()
import gymnasium
middle = time.perf_counter()
import memgym
print(middle - start, time.perf_counter() - middle, "torch" in sys.modules)
"""


def main() -> None:
    """Run and print the table."""
    runs = [
        subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True) for _ in range(RUNS)
    ]
    lines = [run.stdout.split() for run in runs]
    gymnasium_time = min(float(line[0]) for line in lines)
    added = min(float(line[1]) for line in lines)
    torch_free = all(line[2] == "False" for line in lines) and all(len(line) == 3 for line in lines)
    report = Report("import memgym")
    report.add(
        f"time added to 'import gymnasium' ({gymnasium_time:.2f} s)", f"{added:.3f} s", "under 0.2 s", added < 0.2
    )
    report.add("no torch, and nothing printed", str(torch_free), "True", torch_free)
    report.print()


if __name__ == "__main__":
    main()
