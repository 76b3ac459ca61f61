"""``python -m memgym``."""

from memgym.cli import app

app(prog_name="memgym")
