"""Scores that need no model: text overlap, retrieval, memory contents."""
