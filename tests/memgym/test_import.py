"""``import memgym`` is quiet, light, and changes nothing but Gymnasium's registry."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "torch transformers tensordict bm25s typer rich openai httpx2 sentence_transformers pandas pyarrow datasets".split()
)


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_import_prints_nothing_and_loads_nothing_heavy() -> None:
    loaded = _run(f"import sys, memgym; loaded = set(sys.modules); print(sorted(loaded & set({HEAVY})))")
    assert loaded == "[]\n"
    assert _run("import memgym") == ""


def test_the_environments_and_baselines_need_no_torch() -> None:
    code = (
        "import sys, gymnasium as gym, memgym, baselines\n"
        "from memgym.registration import ENVIRONMENTS\n"
        "for env_id in ENVIRONMENTS:\n"
        "    gym.make(env_id)\n"
        "print('torch' in sys.modules)"
    )
    assert _run(code) == "False\n"


def test_import_registers_every_id() -> None:
    code = (
        "import gymnasium as gym\n"
        "before = set(gym.registry)\n"
        "import memgym\n"
        "from memgym.registration import ENVIRONMENTS\n"
        "print(set(gym.registry) - before == set(ENVIRONMENTS))"
    )
    assert _run(code) == "True\n"
