"""Train a learner: ``python -m baselines masked-ppo`` or ``slate-bandit``; with ``--help``, what can be set."""

from __future__ import annotations

import typer

from baselines import masked_ppo, slate_bandit

app = typer.Typer(pretty_exceptions_enable=False, help="Train a baseline that learns.")
app.command("masked-ppo")(masked_ppo.train)
app.command("slate-bandit")(slate_bandit.train)

if __name__ == "__main__":
    app(prog_name="python -m baselines")
