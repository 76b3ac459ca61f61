"""The command line: ``memagents``."""

from memagents.cli.app import app

__all__ = ["app"]
