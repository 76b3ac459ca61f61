"""verifiers' own command evaluates the tiny reader behind a small server of ours: a minute on a CPU.

What is said beside goes to the command: ``python -m memagents.integrations.examples.verifiers_eval -n 20 -r 4``. For a
model behind vLLM, or any server that speaks OpenAI's protocol, run the command itself with that server's address.
"""

from __future__ import annotations

import os
import subprocess
import sys

from memagents.integrations.examples.model_server import served

COMMAND = ["vf-eval", "memgym-verifiers", "--no-push", "--env.taskset.recipe", "tiny_reader"]


def main(*options: str) -> int:
    """Serve the model, run the command to its end, and return its exit status."""
    with served("tiny_reader") as server:
        client = ["-m", "tiny_reader", "--client.base-url", server.url, "--client.api-key-var", "NO_KEY"]
        env = {**os.environ, "NO_KEY": "none"}  # the command wants a variable, the server no key
        return subprocess.run([*COMMAND, *client, *options], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
