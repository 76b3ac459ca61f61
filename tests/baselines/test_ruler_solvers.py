"""The solvers of RULER's tasks, played in the environment."""

from __future__ import annotations

import numpy as np
import pytest

import memgym
from baselines.needle_matcher import NeedleMatcher, names
from baselines.notes import read_notes, write_notes
from baselines.variable_tracer import VariableTracer, holders
from baselines.word_counter import WordCounter, how_many
from memgym import Block, Observation
from memgym.registration import make
from memgym.scoring.abstention import ABSTENTION
from memgym.tasks.procedural.ruler import SUBTASKS

SOLVERS = {"vt": VariableTracer, "cwe": WordCounter, "fwe": WordCounter}
RULED = [subtask for subtask in SUBTASKS if not subtask.startswith("qa")]


def mean_answer(policy: memgym.Policy, episodes: int, **options) -> float:
    env = make("memgym/Longcontext-v1", **options)
    answers = []
    for index in range(episodes):
        observation, _ = env.reset(options={"index": index})
        done = False
        while not done:
            observation, _, done, _, info = env.step(policy.act(observation))
            assert not info["overflow"]
            assert not info["action_error"]
        answers.append(info["rewards"]["answer"])
    return float(np.mean(answers))


@pytest.mark.parametrize("subtask", RULED)
@pytest.mark.parametrize(
    ("length", "episodes", "options"),
    [
        (2_000, 20, {"section_tokens": 90, "memory_tokens": 512}),
        (16_000, 5, {}),
        (16_000, 2, {"counter": "words", "answer_format": "json"}),
        (130_000, 1, {}),
    ],
)
def test_solvers_reach_99_percent(subtask, length, episodes, options):
    policy = SOLVERS.get(subtask, NeedleMatcher)()
    assert mean_answer(policy, episodes, task="ruler", subtask=subtask, length=length, **options) >= 0.99


def test_word_counter_on_the_published_file(data_dir):
    path = str(data_dir / "eval_fwe_16384.json.gz")
    assert mean_answer(WordCounter(), 20, task="ruler_jsonl", path=path) >= 0.99


def read(policy, memory: str, section: str, question: str = "", budget: int = 1_000) -> str:
    attributes = {"tokens": str(budget), "used": "0", "counter": "chars"}
    blocks = (Block("question", question), Block("memory", memory), Block("budget", "", attributes))
    return policy.read(Observation("read", "", (*blocks, Block("section", section))))


def answer(policy, memory: str, question: str) -> str:
    return policy.answer(Observation("answer", "", (Block("question", question), Block("memory", memory))))


@pytest.mark.parametrize("cut", range(1, 60))
def test_nothing_is_lost_where_a_section_ends(cut):
    needle = "One of the special magic numbers for red-fox is: 1234567."
    matcher, asked = NeedleMatcher(), "Which special magic number does the text give for red-fox?"
    memory = read(matcher, read(matcher, "", needle[:cut], asked), needle[cut:], asked)
    assert answer(matcher, memory, asked) == "1234567"

    chain = "\nVAR ABCDE = 12345\nHere we go.\nVAR FGHIJ = VAR ABCDE\nVAR KLMNO = VAR FGHIJ"
    tracer = VariableTracer()
    memory = read(tracer, read(tracer, "", chain[:cut]), chain[cut:])
    assert answer(tracer, memory, "Which variables hold the value 12345?") == "ABCDE, FGHIJ, KLMNO"

    listing = "1. apple 2. pear 3. apple 4. plum 5. fig-tree 6. fig-tree 7. apple"
    counter = WordCounter()
    memory = read(counter, read(counter, "", listing[:cut]), listing[cut:])
    assert answer(counter, memory, "Which 2 words are the most common?") == "apple, fig-tree"


def test_word_counter_forgets_the_rarest_first():
    counter, text = WordCounter(), " ".join(["kept"] * 3 + [f"rare{'abcdefghij'[i]}" for i in range(10)])
    memory = read(counter, "", text, budget=8)
    assert len(memory) <= 32
    assert answer(counter, memory, "Which word?") == "kept"


def test_word_counter_forgets_what_was_seen_longest_ago():
    counter = WordCounter()
    memory = read(counter, read(counter, "", "first second "), "third ", budget=5)
    assert memory.split() == ["1:", "third", "second"]


def test_how_many_words_are_asked_for():
    assert how_many("What are the 10 most common words?") == 10
    assert how_many("What are the Three most frequent words?") == 3
    assert how_many("Which word is the most common?") == 1


def test_variables_are_followed_in_any_order_and_in_circles():
    assigned = {"C": "B", "A": "7", "B": "A", "D": "8", "E": "F", "F": "E"}
    assert holders(assigned, "7") == ["A", "B", "C"]
    assert holders(assigned, "9") == []


def test_a_key_is_named_only_as_a_whole_word():
    assert names("the number for cold-art?", "cold-art")
    assert not names("the number for cold-artist?", "cold-art")
    assert not names("the number for ice-cold-art?", "cold-art")


@pytest.mark.parametrize("policy", [NeedleMatcher(), VariableTracer(), WordCounter()])
def test_an_empty_memory_is_answered_by_abstaining(policy):
    assert answer(policy, "", "Which 3 for a-b with value 12345?") == ABSTENTION


@pytest.mark.parametrize(
    "memory", ["", "nothing useful\n", "x: y\n[cut off]\n", "3: a\n= = =\n\n", "[cut off]\n[cut off]\nVAR"]
)
@pytest.mark.parametrize("policy", [NeedleMatcher(), VariableTracer(), WordCounter()])
def test_foreign_memories_do_no_harm(policy, memory):
    assert isinstance(read(policy, memory, "VAR AAAAA = 12345\n", "value 12345 for x?"), str)
    assert isinstance(answer(policy, memory, "value 12345 for x?"), str)


@pytest.mark.parametrize("loose_end", ["", "abc", " abc\n\nVAR "])
def test_notes_come_back(loose_end):
    assert read_notes(write_notes(["a: b", "c"], loose_end)) == (["a: b", "c"], loose_end)
