"""What prompts share: against a slow search, and put together again."""

from __future__ import annotations

from functools import cache
from itertools import pairwise, takewhile

import torch
from hypothesis import given
from hypothesis import strategies as st

from grpo.prefixes import Prompts, shared_prefixes

prompt = st.lists(st.integers(0, 2), min_size=1, max_size=7)
prompts = st.lists(prompt, min_size=1, max_size=9)


def saved(rows, group, shared):
    members = {number: [i for i, other in enumerate(group) if other == number] for number in group}
    return sum((len(rows) - 1) * shared[rows[0]] for rows in members.values() if len(rows) > 1)


def most(rows):
    """The most that subtrees of the sorted prompts can save, tried one by one."""

    @cache
    def best(rows):
        if len(rows) < 2:
            return 0
        least = min(share(*pair) for pair in pairwise(rows))
        cut = max(i for i, pair in enumerate(pairwise(rows), 1) if share(*pair) == least)
        return max((len(rows) - 1) * least, best(rows[:cut]) + best(rows[cut:]))

    def share(a, b):
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False))))
        return min(same, len(a) - 1, len(b) - 1)

    return best(tuple(sorted(map(tuple, rows))))


@given(prompts)
def test_groups_share_their_beginning_and_save_the_most(rows):
    group, shared = shared_prefixes(rows)
    for number in set(group):
        members = [i for i in range(len(rows)) if group[i] == number]
        tokens = {shared[i] for i in members}
        assert len(tokens) == 1
        assert len({tuple(rows[i][: shared[i]]) for i in members}) == 1
        assert all(shared[i] < len(rows[i]) for i in members)
    assert saved(rows, group, shared) == most(rows)


def test_a_group_may_share_all_or_what_comes_before_its_own():
    template = [1, 2, 3, 4]
    same = [[*template, 5, 6, 7]] * 3
    alike = [[*template, 8, 9, 10, own] for own in (11, 12, 13)]
    group, shared = shared_prefixes([*same, *alike, [20]])
    assert group == [0, 0, 0, 1, 1, 1, 2]
    assert shared == [6, 6, 6, 7, 7, 7, 0]


def test_nothing_is_shared_by_nothing():
    assert shared_prefixes([]) == ([], [])


@given(prompts)
def test_prefix_and_rest_are_the_prompt(rows):
    width = max(map(len, rows)) + 1
    ids = torch.tensor([[9] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[False] * (width - len(row)) + [True] * len(row) for row in rows])
    cut = Prompts.cut(ids, mask)
    for n, row in enumerate(rows):
        prefix = cut.prefix_ids[cut.group[n]][cut.prefix_mask[cut.group[n]]]
        assert prefix.tolist() + cut.rest_ids[n][cut.rest_mask[n]].tolist() == row
        assert cut.rest_mask[n, -1]
    assert cut.tokens == cut.prefix_mask.numel() + cut.rest_mask.numel()
