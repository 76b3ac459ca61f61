"""Suites, evaluation, result files, verification and the table."""
