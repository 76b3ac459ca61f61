"""``python -m memagents``."""

from memagents.cli import app

app(prog_name="memagents")
