from __future__ import annotations

from dataclasses import replace

import pytest

from memgym.envs.scores import AnswerScorer
from memgym.errors import ConfigError
from memgym.registration import make
from memgym.tasks import make_task

EASY = {"task": "persona", "difficulty": "easy", "episodes": 3}
HARD = {"task": "multihop", "difficulty": "easy"}


def plain(episode):
    """The episode without the curriculum's note of the stage."""
    return replace(episode, questions=tuple(replace(question, metadata={}) for question in episode.questions))


def test_stages_follow_each_other():
    curriculum = make_task("curriculum", stages=[EASY, HARD])
    persona = make_task("persona", difficulty="easy")
    multihop = make_task("multihop", difficulty="easy")
    for index in range(3):
        assert plain(curriculum.episode("train", index)) == plain(persona.episode("train", index))
    for index in range(3, 6):
        assert plain(curriculum.episode("train", index)) == plain(multihop.episode("train", index - 3))
    assert curriculum.size("train") is None
    assert make_task("curriculum", stages=[EASY, {**HARD, "episodes": 4}]).size("test") == 7


def test_each_stage_is_scored_by_its_own_task():
    curriculum = make_task("curriculum", stages=[EASY, HARD])
    first, later = (curriculum.episode("train", index).questions[0] for index in (0, 5))
    assert set(curriculum.score(first, "x")) == set(make_task("persona").score(first, "x"))
    assert set(curriculum.score(later, "x")) == set(make_task("multihop").score(later, "x"))
    assert curriculum.score(later, later.answers[0])["answer"] == 1.0


def test_each_stage_is_judged_as_its_own_benchmark():
    curriculum = make_task("curriculum", stages=[EASY, HARD])
    names = [curriculum.benchmark(curriculum.episode("train", index).questions[0]) for index in (0, 5)]
    assert names == ["persona", "multihop"]
    assert curriculum.benchmarks == ["multihop", "persona"]


def test_no_judge_judges_and_marks_point_by_point():
    curriculum = make_task("curriculum", stages=[EASY, HARD])
    curriculum.tasks[1].name = "beam"  # whose answers are marked by points
    with pytest.raises(
        ConfigError, match="no judge marks the answers of beam point by point and judges those of persona"
    ):
        AnswerScorer(curriculum, "tiny")


def test_it_plays_in_an_environment():
    env = make("memgym/Longcontext-v1", task="curriculum", stages=[EASY, HARD])
    _, info = env.reset(options={"index": 4})
    assert info["episode_id"] == make_task("multihop", difficulty="easy").episode("train", 1).id


def test_the_fingerprint_follows_the_stages():
    prints = {
        make_task("curriculum", stages=stages).fingerprint()
        for stages in ([EASY, HARD], [HARD | {"episodes": 3}, EASY], [EASY | {"episodes": 4}, HARD])
    }
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "'stages'"),
        ("persona", "'stages'"),
        ([{"difficulty": "easy"}], r"stages\[0\]"),
        ([EASY, {"task": "curriculum", "stages": [HARD]}], r"stages\[1\] is a curriculum: list its stages here"),
        ([HARD, EASY], r"stages\[0\].episodes"),
        ([EASY | {"episodes": 0}], r"stages\[0\].episodes"),
        ([EASY, {"task": "personas"}], "Did you mean 'persona'"),
        ([EASY | {"sesions": 3}], "Did you mean 'sessions'"),
    ],
)
def test_bad_stages_are_refused(stages, message):
    with pytest.raises(ConfigError, match=message):
        make_task("curriculum", stages=stages)


def test_a_stage_longer_than_its_file_is_refused(data_dir):
    stage = {"task": "memagent", "path": str(data_dir / "eval_50.json.gz"), "episodes": 129}
    with pytest.raises(ConfigError, match="129 episodes"):
        make_task("curriculum", stages=[stage]).check_split("train")


def test_a_stage_without_a_number_has_its_whole_split(data_dir):
    hotpotqa = {"task": "hotpotqa", "path": str(data_dir / "hotpotqa_train_small.jsonl.gz")}
    alone = make_task("hotpotqa", path=hotpotqa["path"])
    curriculum = make_task("curriculum", stages=[hotpotqa, hotpotqa | {"documents": 4, "episodes": 2}])
    for split in ("train", "validation"):
        size = alone.size(split)
        assert curriculum.size(split) == size + 2
        assert plain(curriculum.episode(split, size - 1)) == plain(alone.episode(split, size - 1))
        assert len(curriculum.episode(split, size).sections) == 4
