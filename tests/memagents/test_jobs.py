"""Which episodes are played how often."""

from __future__ import annotations

import numpy as np

from memagents.jobs import repeated
from memgym.playing import Job


def test_trials_of_an_episode_count_on_and_do_not_depend_on_the_others() -> None:
    assert repeated([5, 2, 5]) == [Job(0, 5), Job(0, 2), Job(1, 5)]
    groups = repeated(np.array([5, 2, 5]), 2)
    assert groups == [Job(0, 5), Job(1, 5), Job(0, 2), Job(1, 2), Job(2, 5), Job(3, 5)]
    assert [job for job in repeated([1, 2, 3, 5, 5], 2) if job.index == 5] == [job for job in groups if job.index == 5]
    assert repeated([], 3) == []
