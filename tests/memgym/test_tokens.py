from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memgym.errors import ConfigError
from memgym.tasks import make_task
from memgym.tokens import COUNTERS, TokenCounter, get_counter

thorough = settings(deadline=None, derandomize=True, max_examples=200)

TEXTS = st.text(st.sampled_from("abAB1 .,\n\té–字_'"), max_size=60) | st.text(max_size=40)


@pytest.mark.parametrize("counter", COUNTERS.values(), ids=COUNTERS)
@thorough
@given(text=TEXTS, tokens=st.integers(0, 20))
def test_a_cut_is_the_longest_prefix_within_the_budget(counter: TokenCounter, text: str, tokens: int) -> None:
    cut = counter.cut(text, tokens)
    assert text.startswith(cut)
    assert counter.count(cut) <= tokens
    assert cut == text or counter.count(text[: len(cut) + 1]) > tokens


@pytest.mark.parametrize("counter", COUNTERS.values(), ids=COUNTERS)
@thorough
@given(text=TEXTS, start=st.integers(0, 60), tokens=st.integers(0, 20))
def test_end_counts_from_its_start(counter: TokenCounter, text: str, start: int, tokens: int) -> None:
    start = min(start, len(text))
    assert counter.end(text, start, tokens) == start + len(counter.cut(text[start:], tokens))


@pytest.mark.parametrize("counter", COUNTERS.values(), ids=COUNTERS)
@thorough
@given(text=TEXTS, more=TEXTS)
def test_more_text_never_costs_less(counter: TokenCounter, text: str, more: str) -> None:
    assert counter.count(text) <= counter.count(text + more)


@pytest.mark.parametrize("counter", COUNTERS.values(), ids=COUNTERS)
@thorough
@given(text=TEXTS | st.text(st.sampled_from("aB\U0001f600\u200b\ue000\U000f0000 \n\t\u3000\u0301")))
def test_no_text_has_more_than_six_bytes_per_token(counter: TokenCounter, text: str) -> None:
    assert counter.count(text) >= len(text.encode()) / 6


def test_counts() -> None:
    assert [COUNTERS["chars"].count("x" * n) for n in (0, 1, 4, 5, 8, 9)] == [0, 1, 1, 2, 2, 3]
    assert COUNTERS["words"].count("Mira's cat, 7 years old -- hm…") == 12
    assert COUNTERS["words"].count("") == 0
    assert [COUNTERS["words"].count("a " * 9 + "x" * n) for n in (1, 12, 13, 24, 120)] == [10, 10, 11, 11, 23]


@pytest.mark.parametrize(
    "glued", ["Mira_lives_in_Lisbon", "MiraLivesInLisbon", "Mira_LIVES_InLisbon", "Mira.lives.in.Lisbon"]
)
def test_words_that_are_glued_together_cost_no_less(glued: str) -> None:
    assert COUNTERS["words"].count(glued) >= COUNTERS["words"].count("Mira lives in Lisbon") == 4


@pytest.mark.parametrize("name", COUNTERS)
@pytest.mark.parametrize(
    "hide",
    [
        lambda text: "".join(chr(0xF0000 + (ord(a) << 8) + ord(b)) for a, b in zip(text[::2], text[1::2], strict=True)),
        lambda text: "".join(chr(0xE000 + ord(character)) for character in text),  # private use
        lambda text: "".join(chr(0xE0000 + ord(character)) for character in text),  # tags, which nobody sees
        lambda text: "".join("\u200b\u200c"[bit == "1"] for c in text for bit in f"{ord(c):07b}"),
        lambda text: "".join(" \t\n\r"[ord(c) >> shift & 3] for c in text for shift in (0, 2, 4, 6)),
        lambda text: "a" + "".join(chr(0x300 + ord(character) % 112) for character in text),  # accents
        lambda text: "".join(chr(ord(character) + 0xFEE0) if character != " " else "\u3000" for character in text),
        lambda text: text.replace(" ", "\u2009"),
    ],
    ids="planes private tags joiners blanks accents wide thin".split(),
)
def test_no_writing_outwits_a_counter(name: str, hide: Callable[[str], str]) -> None:
    text = "Mira lives in Lisbon, Ben lives in Porto"
    assert COUNTERS[name].count(hide(text)) >= 0.9 * COUNTERS[name].count(text)


def test_scripts_count_about_as_much_as_in_models() -> None:
    for text in ("米拉住在里斯本，她有一只猫。", "ミラはリスボンに住んでいます。"):
        for counter in COUNTERS.values():
            assert 0.7 * len(text) <= counter.count(text) <= 1.1 * len(text)
    assert COUNTERS["words"].count("मीरा लिस्बन में रहती है") <= 12  # not a token for each vowel sign
    assert COUNTERS["words"].count("Мира живёт в Лиссабоне.") == 7


def test_a_cut_splits_no_character() -> None:
    assert [COUNTERS["chars"].cut("é里é😀x", tokens) for tokens in range(4)] == ["", "é", "é里é", "é里é😀x"]
    assert COUNTERS["chars"].count("\ud800") == 1  # a lone surrogate, as in an action that will be refused


@pytest.mark.parametrize("name", ["word", "", 5, None, ["chars"]])
def test_unknown_counters_are_refused(name: object) -> None:
    with pytest.raises(ConfigError, match=r"unknown token counter .*Known: chars, words\. Or hf:PATH"):
        get_counter(name)


# ------------------------------------------------------------------ by a tokenizer file


@pytest.fixture
def tokenizer_file(tmp_path: Path) -> Path:
    """A byte-level BPE with a few merges, as GPT's."""
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(["Mira lives in Lisbon. Ben lives in Porto."] * 9, trainer)
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


@settings(thorough, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS | st.text("Mira lives n😀里", max_size=40), tokens=st.integers(0, 20))
def test_a_model_s_tokens_hold_the_budget(tokenizer_file: Path, text: str, tokens: int) -> None:
    counter = get_counter(f"hf:{tokenizer_file}")
    cut = counter.cut(text, tokens)
    assert text.startswith(cut)
    assert counter.count(cut) <= tokens
    assert cut == text or len(cut) >= tokens / 4 - 1  # a character has at most four bytes, and a token at least one
    assert get_counter(f"hf:{tokenizer_file}") is counter


def test_a_tokenizer_file_is_known_by_its_content(
    tokenizer_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere" / "tokenizer.json"
    moved.parent.mkdir()
    moved.write_bytes(tokenizer_file.read_bytes())
    monkeypatch.setenv("MEMGYM_DATA", str(moved.parent.parent))
    tasks = [make_task("conflict", counter=f"hf:{path}") for path in (tokenizer_file, "elsewhere/tokenizer.json")]
    assert tasks[0].fingerprint() == tasks[1].fingerprint() != make_task("conflict").fingerprint()
    assert tasks[0].episode("test", 0) == tasks[1].episode("test", 0)
    assert get_counter(f"hf:{moved}").count("Mira lives in Lisbon.") < 21 < get_counter(f"hf:{moved}").count("里" * 8)


def test_tokenizer_files_that_cannot_be_used(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    with pytest.raises(ConfigError, match=r"'hf:nothing\.json': cannot read the file"):
        get_counter("hf:nothing.json")
    (tmp_path / "text.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"text\.json': no tokenizer file"):
        get_counter(f"hf:{tmp_path / 'text.json'}")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "Mira": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "words.json"))
    with pytest.raises(ConfigError, match=r"words\.json': this tokenizer loses a part of some texts"):
        get_counter(f"hf:{tmp_path / 'words.json'}")
