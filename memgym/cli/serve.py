"""``memgym serve``: what is served to programs of others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from memgym.registration import make
from memgym.resolve import resolve

BANK_SERVER = "memagents.integrations.mcp_bank:serve"
"""An agent keeps the bank, and agents are a package above this one."""


def serve_environment(
    env_id: str, settings: Mapping[str, Any], sessions: int, idle: float, host: str, port: int
) -> None:
    """Serve an environment to OpenEnv's clients until Ctrl-C."""
    from memgym.serving.openenv import serve_openenv

    env = make(env_id, **settings)
    typer.echo(f"{env_id} is served at http://{host}:{port}, {sessions} sessions at once; Ctrl-C ends it")
    serve_openenv(env, sessions, host, port, idle)


def serve_bank(path: Path, recipe: str | None, host: str, port: int | None) -> None:
    """Serve a memory bank as an MCP server until its client leaves, or Ctrl-C."""
    resolve("server of banks", BANK_SERVER, {BANK_SERVER: BANK_SERVER})(path, recipe, host, port)
