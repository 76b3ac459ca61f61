"""Adapters to trainers and servers of others: each plays the agents of this package, by :mod:`memagents.sessions`.

Each imports its library when it is imported itself, and needs no other adapter.
"""

__all__: list[str] = []  # nothing is imported before it is asked for, not even by what lists modules
