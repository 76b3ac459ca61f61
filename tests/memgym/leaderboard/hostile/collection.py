"""The collection, by kind and name."""

from __future__ import annotations

from tests.memgym.leaderboard.hostile import forged, kinds, shown, sizes
from tests.memgym.leaderboard.hostile.builders import Hostile

COLLECTION: dict[str, Hostile] = {
    f"{kind}: {name}": hostile
    for kind, group in {
        "code": kinds.FOREIGN,
        "host": kinds.HOSTS,
        "path": kinds.PATHS,
        "argument": kinds.ARGUMENTS,
        "schema": kinds.SCHEMA,
        "bytes": kinds.BYTES,
        "size": sizes.SIZES,
        "long": sizes.LONG,
        "shown": shown.SHOWN,
        "forged": forged.FORGED,
        "claim": forged.CLAIMS,
    }.items()
    for name, hostile in group.items()
}
