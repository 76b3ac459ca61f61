"""On rows made to the schema of the published files (``2needle.parquet`` and so on)."""

from __future__ import annotations

import json
from difflib import SequenceMatcher

import pytest

from memgym.errors import DataError
from memgym.tasks.published.mrcr import Mrcr

PREFIX = "aYooSG8CQg"


def message(content, role="user"):
    return {"role": role, "content": content}


MESSAGES = [
    message("Here are some examples of conversations."),
    message("write a poem about tapirs"),
    message("The tapir sleeps\nby day.", "assistant"),
    message("write a riddle about rocks"),
    message("Heavy, it never moves.", "assistant"),
    message("write a poem about tapirs"),
    message("**At night**\nthe tapir walks.", "assistant"),
    message(f"Prepend {PREFIX} to the 2nd (1 indexed) poem about tapirs. Do not include any other text."),
]
ROW = {
    "prompt": json.dumps(MESSAGES),
    "answer": f"{PREFIX}**At night**\nthe tapir walks.",
    "random_string_to_prepend": PREFIX,
    "n_needles": 2,
    "desired_msg_index": 5,
    "total_messages": 8,
    "n_chars": 300,
}


def load(tmp_path, **changes):
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW | changes))
    return Mrcr(path=str(tmp_path / "rows.jsonl"))


@pytest.mark.parametrize("prompt", [ROW["prompt"], MESSAGES])
def test_asks_with_their_replies_are_sessions(tmp_path, prompt):
    episode = load(tmp_path, prompt=prompt).episode("all", 0)
    (question,) = episode.questions
    assert [[turn.id for turn in session.turns] for session in episode.sessions] == [
        ["0"],
        ["1", "2"],
        ["3", "4"],
        ["5", "6"],
    ]
    assert question.text == MESSAGES[-1]["content"]
    assert PREFIX not in episode.text()
    assert (question.category, question.evidence, question.id) == ("2-needle", ("6",), PREFIX)


@pytest.mark.parametrize(("index", "evidence"), [(5, "6"), (6, "6"), (1, "2"), (2, "2"), (None, "2")])
def test_of_equal_replies_the_one_that_is_asked_for_is_the_evidence(tmp_path, index, evidence):
    messages = [*MESSAGES]
    messages[2] = messages[6]
    episode = load(tmp_path, prompt=json.dumps(messages), desired_msg_index=index).episode("all", 0)
    assert episode.questions[0].evidence == (evidence,)


def test_no_evidence_where_the_gold_is_no_reply(tmp_path):
    assert load(tmp_path, answer=f"{PREFIX}other").episode("all", 0).questions[0].evidence == ()


GOLD = "**At night**\nthe tapir walks."


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (f"{PREFIX}{GOLD}", 1.0),
        (GOLD, 0.0),
        (f" {PREFIX}{GOLD}", 0.0),
        (PREFIX, 0.0),
        ("", 0.0),
        (f"{PREFIX}The tapir sleeps\nby day.", SequenceMatcher(None, "The tapir sleeps\nby day.", GOLD).ratio()),
        (f"{PREFIX}{GOLD.upper()}", SequenceMatcher(None, GOLD.upper(), GOLD).ratio()),
    ],
)
def test_prefix_and_ratio(tmp_path, answer, expected):
    task = load(tmp_path)
    scores = task.score(task.episode("all", 0).questions[0], answer)
    assert scores == {"answer": expected, "prefix": float(answer.startswith(PREFIX))}


def test_an_answer_may_be_twice_as_long_as_the_gold(tmp_path):
    task = load(tmp_path)
    (question,) = task.episode("all", 0).questions
    assert 4 * task.answer_limit(question) >= 2 * len(question.answers[0])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"answer": GOLD}, "'answer' must be 'random_string_to_prepend' and a text"),
        ({"answer": PREFIX}, "'answer' must be 'random_string_to_prepend' and a text"),
        ({"random_string_to_prepend": ""}, "'answer' must be 'random_string_to_prepend'"),
        ({"prompt": "[{"}, "'prompt' is not valid JSON"),
        ({"prompt": "{}"}, "'prompt' must be a list, not an object"),
        ({"prompt": json.dumps(MESSAGES[-1:])}, "'prompt' must be a history with a question behind it"),
        ({"prompt": json.dumps([{"role": "user"}] * 3)}, "message 0: the field 'content' is missing"),
        ({"n_needles": "two"}, "'n_needles' must be an int, not a string"),
    ],
)
def test_bad_rows(tmp_path, changes, told):
    with pytest.raises(DataError, match=rf"rows\.jsonl, row 0.*{told}"):
        load(tmp_path, **changes)
