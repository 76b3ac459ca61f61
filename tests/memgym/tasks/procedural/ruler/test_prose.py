"""Generated prose: clean English that does not repeat itself."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest

from memgym.tasks.procedural.ruler import prose
from memgym.tasks.procedural.ruler.prose_words import TOPICS


@pytest.fixture(scope="module")
def text() -> list[str]:
    return prose.sentences(np.random.default_rng(0), 20_000)


def test_hardly_a_sentence_comes_twice(text):
    assert len(set(text)) > 0.999 * len(text)


def test_sentences_begin_and_end_as_sentences_do(text):
    for sentence in text:
        assert re.match(r'"?[A-Z0-9]', sentence)
        assert re.search(r'[.?]"?$', sentence)
        assert not re.search(r"[{}%_]|  |\ba [aeiou]|\ban (?!hour)[^aeiou]|[.,]{2}", sentence)


def test_vocabulary_and_lengths_are_varied(text):
    words = [len(sentence.split()) for sentence in text]
    assert len(set(re.findall("[a-z]+", " ".join(text).lower()))) > 1_200
    assert 14 < np.mean(words) < 20
    assert np.std(words) > 5
    assert len({tuple(sentence.split()[:2]) for sentence in text}) > 2_000


def test_a_compressor_finds_little_to_repeat(text):
    sample = " ".join(text)[:100_000].encode()
    assert len(sample) / len(zlib.compress(sample, 9)) < 4  # literary English: about 2.5


def test_neighbours_share_a_topic(text):
    nouns = [set(topic.objects) for topic in TOPICS]

    def topics(sentence: str) -> set[int]:
        return {i for i, known in enumerate(nouns) if any(f" {noun}" in sentence for noun in known)}

    run = prose.TOPIC_RUN
    together = [topics(a) & topics(b) for a, b in zip(text[0::run], text[1::run], strict=False)]
    assert np.mean([bool(shared) for shared in together]) > 0.9


def test_it_depends_on_the_generator_alone():
    first, again = (prose.sentences(np.random.default_rng(5), 50) for _ in range(2))
    assert first == again != prose.sentences(np.random.default_rng(6), 50)
    assert prose.sentences(np.random.default_rng(5), 0) == []


def test_no_sentence_needs_more_draws_than_it_gets():
    clause = 1 + max(len(prose._SLOT.findall(pattern)) for pattern in prose.CLAUSES)
    for frame in prose.FRAMES:
        slots = prose._SLOT.findall(frame)
        assert 1 + sum(clause if slot in "cd" else 1 for slot in slots) <= prose._DRAWS


def test_topics_are_complete():
    assert len(TOPICS) >= 20
    assert all(len(set(words)) == len(words) >= 5 for topic in TOPICS for words in topic)
