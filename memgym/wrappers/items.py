"""What there is to decide on in an observation, as arrays of a fixed size; and decisions on it, as our JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from memgym.bank import Embedder
from memgym.checks import check_int
from memgym.errors import ConfigError
from memgym.protocol.actions import to_json
from memgym.protocol.observation import Block, Observation

DROP, KEEP, REPLACE = 0, 1, 2
"""What a decision says of an item."""

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Items:
    """The items of one observation: memories to rank, candidates to store, or turns to extract.

    | phase | items | query | near an item |
    |---|---|---|---|
    | `retrieve` | the memories found | the question | the most similar of the other memories |
    | `update` | the candidates | – (zeros) | the most similar of the memories shown |
    | `extract` | the session's turns | – (zeros) | the turn before it |

    Where there are more items than places, the first ones are shown, in the observation's order; the others are never
    chosen: not ranked, not stored, not extracted.

    Args:
        phase: one of the three.
        arrays: ``query`` float32 [dim], ``item`` and ``near`` float32 [places, dim], rows of unit norm or zeros;
            ``order`` float32 [places], from 0 for the item that was stored or said first to 1 for the last; ``mask``
            int8 [places], 1 where there is an item. All is zero where there is none.
        blocks: the items themselves, as the text shows them.
        near_ids: the ids of what stands near each of them, ``""`` where nothing does.
        left_out: how many items had no place.
    """

    phase: str
    arrays: Arrays
    blocks: tuple[Block, ...] = ()
    near_ids: tuple[str, ...] = ()
    left_out: int = 0

    @classmethod
    def of(cls, observation: Observation | str, embedder: Embedder, places: int | None = None) -> Items:
        """Return the items of an observation of one of those three phases.

        Args:
            observation: parsed, or its text.
            embedder: makes the rows.
            places: for items; None for as many as there are.

        Raises:
            ConfigError: the phase has no items, or ``places`` is not a positive int.
        """
        if isinstance(observation, str):
            observation = Observation.parse(observation)
        check_phase(observation.phase)
        tag, show = _PARTS[observation.phase]
        blocks = observation.all(tag)
        check_int("places", places, 1, optional=True)
        arrays = _empty(embedder.dim, places or len(blocks))
        near = show(observation, blocks, arrays, embedder)
        shown = tuple(blocks[: len(arrays["mask"])])
        arrays["mask"][: len(shown)] = 1
        return cls(observation.phase, arrays, shown, tuple(near[: len(shown)]), len(blocks) - len(shown))

    @classmethod
    def none(cls, phase: str, dim: int, places: int) -> Items:
        """Return what there is after the end of an episode: nothing."""
        return cls(check_phase(phase), _empty(dim, places))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the items shown, by which our JSON names them."""
        return tuple(block.id for block in self.blocks)

    def masks(self) -> np.ndarray:
        """Return which decisions make sense for each item: bool [places, 2], in ``update`` [places, 3].

        An empty place can only be dropped; only what has a memory near it can replace one.
        """
        masks = np.zeros((len(self.arrays["mask"]), 3 if self.phase == "update" else 2), bool)
        masks[:, DROP] = True
        masks[: len(self.blocks), KEEP] = True
        if self.phase == "update":
            masks[: len(self.blocks), REPLACE] = [bool(near) for near in self.near_ids]
        return masks

    def ranked(self, scores: np.ndarray) -> str:
        """Return the ``retrieve`` action that orders the items by their scores [≥ items], the highest first."""
        order = np.argsort(-np.asarray(scores, np.float64)[: len(self.blocks)], kind="stable")
        return to_json([self.ids[place] for place in order])

    def decided(self, decisions: Sequence[int] | np.ndarray) -> str:
        """Return the action that drops (0), keeps (1) or, in ``update``, replaces by (2) each of the items.

        ``retrieve`` keeps memories in their order and ``extract`` whole turns; ``update`` adds candidates (ADD), leaves
        them out, or writes them over what stands near (UPDATE). Of candidates that would replace the same memory, the
        first does; the others, and those near which nothing stands, are added.
        """
        chosen = [
            (block, near, int(what))
            for block, near, what in zip(self.blocks, self.near_ids, decisions, strict=False)
            if what != DROP
        ]
        if self.phase == "retrieve":
            return to_json([block.id for block, _, _ in chosen])
        if self.phase == "extract":
            return to_json({"memory_list": [{"value": _said(b), "source": [b.id]} for b, _, _ in chosen]})
        return to_json({"operations": _operations(chosen)})


def check_phase(phase: str) -> str:
    """Return the phase if it has items.

    Raises:
        ConfigError: it has none.
    """
    if phase not in _PARTS:
        raise ConfigError(f"features are of one phase, of {', '.join(_PARTS)}, not of {phase!r}")
    return phase


def _empty(dim: int, places: int) -> Arrays:
    return {
        "query": np.zeros(dim, np.float32),
        "item": np.zeros((places, dim), np.float32),
        "near": np.zeros((places, dim), np.float32),
        "order": np.zeros(places, np.float32),
        "mask": np.zeros(places, np.int8),
    }


def _operations(chosen: Sequence[tuple[Block, str, int]]) -> list[dict[str, str]]:
    plan, replaced = [], set()
    for block, near, what in chosen:
        if what == REPLACE and near and near not in replaced:
            replaced.add(near)
            key = block.attributes.get("key", "")
            plan.append({"id": near, "op": "UPDATE", "value": block.text, **({"key": key} if key else {})})
        else:
            plan.append({"id": block.id, "op": "ADD"})
    return plan


def _show_memories(
    observation: Observation, blocks: Sequence[Block], arrays: Arrays, embedder: Embedder
) -> Sequence[str]:
    rows = embedder.embed([observation.question, *map(_keyed, blocks)])
    arrays["query"][:] = rows[0]
    alike = rows[1:] @ rows[1:].T
    np.fill_diagonal(alike, -np.inf)
    others = alike.argmax(axis=1) if len(blocks) > 1 else np.zeros(0, int)
    _put(arrays["item"], rows[1:])
    _put(arrays["near"], rows[1:][others])
    _put(arrays["order"], _spread(np.argsort([_number(block.id) for block in blocks], kind="stable").argsort()))
    return [blocks[other].id for other in others] or [""] * len(blocks)


def _show_candidates(
    observation: Observation, blocks: Sequence[Block], arrays: Arrays, embedder: Embedder
) -> Sequence[str]:
    memories = observation.memories
    rows = embedder.embed([*map(_keyed, blocks), *map(_keyed, memories)])
    items, known = rows[: len(blocks)], rows[len(blocks) :]
    _put(arrays["item"], items)
    _put(arrays["order"], _spread(np.arange(len(blocks))))
    if not memories:
        return [""] * len(blocks)
    nearest = (items @ known.T).argmax(axis=1)
    _put(arrays["near"], known[nearest])
    return [memories[i].id for i in nearest]


def _show_turns(observation: Observation, blocks: Sequence[Block], arrays: Arrays, embedder: Embedder) -> Sequence[str]:
    rows = embedder.embed([_said(block) for block in blocks])
    _put(arrays["item"], rows)
    _put(arrays["near"][1:], rows[:-1])
    _put(arrays["order"], _spread(np.arange(len(blocks))))
    return ["", *(block.id for block in blocks[:-1])]


def _keyed(block: Block) -> str:
    """Return a memory as the bank embeds it."""
    key = block.attributes.get("key", "")
    return f"{key}: {block.text}" if key else block.text


def _said(block: Block) -> str:
    return f"{block.attributes['speaker']}: {block.text}"


def _number(identity: str) -> int:
    """Return the number in an id of the bank, which counts what was stored."""
    return int("".join(filter(str.isdecimal, identity)) or 0)


def _spread(places: np.ndarray) -> np.ndarray:
    """Return ranks 0 … n - 1 as numbers from 0 to 1."""
    return places / max(1, len(places) - 1)


def _put(places: np.ndarray, rows: np.ndarray) -> None:
    """Fill the first places with as many rows as they take."""
    shown = min(len(places), len(rows))
    places[:shown] = rows[:shown]


_PARTS: dict[str, tuple[str, Callable[[Observation, Sequence[Block], Arrays, Embedder], Sequence[str]]]] = {
    "retrieve": ("memory", _show_memories),
    "update": ("candidate", _show_candidates),
    "extract": ("turn", _show_turns),
}
"""Phase to the tag of its items, and what fills the arrays and returns the ids of what stands near."""
