from __future__ import annotations

import pickle

import gymnasium as gym
import pytest
from gymnasium.error import CustomSpaceError
from gymnasium.vector.utils import create_shared_memory
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.protocol.spaces import TextSpace

thorough = settings(deadline=None, derandomize=True, max_examples=200)


@thorough
@given(st.text(st.characters(), max_size=20))
def test_any_text_is_contained(text: str) -> None:
    assert text in TextSpace(20)


def test_what_is_not_contained() -> None:
    space = TextSpace(3)
    assert "" in space
    assert "four" not in space
    for wrong in (None, 5, b"x", ["x"], ("x",)):
        assert wrong not in space


def test_samples_are_contained_and_seeded() -> None:
    space, twin = TextSpace(1000, seed=3), TextSpace(1000, seed=3)
    drawn = [space.sample() for _ in range(50)]
    assert drawn == [twin.sample() for _ in range(50)]
    assert all(text in space for text in drawn)
    assert len(set(drawn)) == 50
    assert all(len(TextSpace(1, seed=i).sample()) == 1 for i in range(20))


def test_equality_is_by_length_alone() -> None:
    assert TextSpace(5) == TextSpace(5, seed=1)
    assert TextSpace(5) != TextSpace(6)
    assert TextSpace(5) != gym.spaces.Text(5)
    assert pickle.loads(pickle.dumps(TextSpace(5))) == TextSpace(5)
    assert repr(TextSpace(5)) == "TextSpace(5)"


def test_shared_memory_is_refused() -> None:
    with pytest.raises(CustomSpaceError, match="shared_memory=False"):
        create_shared_memory(TextSpace(5), n=2)
    with pytest.raises(CustomSpaceError, match="shared_memory=False"):
        create_shared_memory(gym.spaces.Dict({"text": TextSpace(5)}), n=2)
