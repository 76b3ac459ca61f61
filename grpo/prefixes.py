"""Which prompts begin alike, so that the beginning is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor


def shared_prefixes(prompts: Sequence[Sequence[int] | np.ndarray]) -> tuple[list[int], list[int]]:
    """Return for each prompt the number of its group, and how many of its first tokens all of the group share.

    A group of n prompts that share p tokens saves (n − 1) · p of them. Sorted prompts form a tree, cut where neighbours
    have least in common; of its partitions into subtrees the one that saves most is chosen. Groups are numbered in the
    order of sorted prompts. A shared part is shorter than each prompt, so that something is left to read; a prompt that
    shares nothing is a group of its own, and all of it but the last token is called shared.
    """
    rows = [np.asarray(prompt) for prompt in prompts]
    order = sorted(range(len(rows)), key=lambda row: rows[row].tolist())
    common = [_common(rows[a], rows[b]) for a, b in pairwise(order)]
    # A subtree is (first, end, tokens saved, its groups as (first, end, shared)), found by its first and by its end.
    leaves = [(i, i + 1, 0, [(i, i + 1, max(0, len(rows[row]) - 1))]) for i, row in enumerate(order)]
    by_first, by_end = ({leaf[key]: leaf for leaf in leaves} for key in (0, 1))
    for place in sorted(range(len(common)), key=lambda place: -common[place]):
        (first, _, saved, groups), (_, end, saved_, groups_) = by_end[place + 1], by_first[place + 1]
        whole = (end - first - 1) * common[place]
        together = whole > saved + saved_
        merged = [(first, end, common[place])] if together else groups + groups_
        by_first[first] = by_end[end] = (first, end, max(whole, saved + saved_), merged)
    group, shared = [0] * len(rows), [0] * len(rows)
    for number, (first, end, tokens) in enumerate(by_first[0][3] if rows else []):
        for row in order[first:end]:
            group[row], shared[row] = number, tokens
    return group, shared


def _common(a: np.ndarray, b: np.ndarray) -> int:
    """Return how many first tokens two prompts share; at most all but one of either."""
    length = max(0, min(len(a), len(b)) - 1)
    differ = a[:length] != b[:length]
    return int(differ.argmax()) if differ.any() else length


@dataclass(frozen=True)
class Prompts:
    """Prompts cut in two: what each of G groups begins with, and the rest of each of N prompts; all padded left.

    Args:
        prefix_ids: ``[G, S]`` int64, S ≥ 1.
        prefix_mask: ``[G, S]`` bool.
        group: ``[N]`` int64, the row of the prefix.
        rest_ids: ``[N, T]`` int64, T ≥ 1.
        rest_mask: ``[N, T]`` bool.
    """

    prefix_ids: Tensor
    prefix_mask: Tensor
    group: Tensor
    rest_ids: Tensor
    rest_mask: Tensor

    @classmethod
    def cut(cls, ids: Tensor, mask: Tensor) -> Prompts:
        """Cut prompts ``[N, P]``, padded left, where :func:`shared_prefixes` says."""
        group, shared = (torch.tensor(column, device=ids.device) for column in shared_prefixes(unpadded(ids, mask)))
        width, length = ids.shape[1], mask.sum(1)
        rest = length - shared
        columns = torch.arange(width, device=ids.device)
        keep = int(rest.max())
        rest_mask = columns >= width - rest[:, None]
        first = torch.tensor(np.unique(group.cpu().numpy(), return_index=True)[1], device=ids.device)
        prefix = shared[first]
        seen = max(1, int(prefix.max()))
        moved = (columns[-seen:] - rest[first, None]).clamp(min=0)
        return cls(
            ids[first].gather(1, moved),
            columns[-seen:] >= width - prefix[:, None],
            group,
            ids[:, width - keep :],
            rest_mask[:, width - keep :],
        )

    @property
    def tokens(self) -> int:
        """Padded tokens."""
        return self.prefix_ids.numel() + self.rest_ids.numel()


def unpadded(ids: Tensor, mask: Tensor) -> list[np.ndarray]:
    """Return the rows of ``ids [N, P]`` without what ``mask`` leaves out."""
    return [row[kept] for row, kept in zip(ids.cpu().numpy(), mask.cpu().numpy(), strict=True)]
