"""The ``memgym`` command."""

from memgym.cli.app import app

__all__ = ["app"]
