"""All relations of the ``persona`` task: what changes, the ties to other people, and what is somebody's for good."""

from __future__ import annotations

from memgym.tasks.procedural.persona.everyday import EVERYDAY
from memgym.tasks.procedural.persona.pastimes import PASTIMES
from memgym.tasks.procedural.persona.ties import FIXED, LINKS

RELATIONS = EVERYDAY + PASTIMES + LINKS + FIXED
