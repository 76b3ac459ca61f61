"""An agent with a bank of its own: sessions in, answers out."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from memagents.agents import Agent, load_agent
from memagents.chat import Conversation
from memagents.dialogues import read_sessions
from memagents.memory import AgentMemory
from memgym.bank import MemoryBank
from memgym.episodes import Session, Turn
from memgym.errors import DataError
from memgym.protocol.plans import used_tokens
from memgym.registration import make
from memgym.tokens import get_counter

MOVED = Session("s1", "2024-03-01", (Turn("s1:1", "Ana", "I moved to Lisbon."), Turn("s1:2", "Ben", "Nice!")))
AGAIN = Session("s2", "2024-04-01", (Turn("s2:1", "Ana", "I moved on to Porto."),))


def says(**replies: object) -> Callable[[str], str]:
    """Return a model that gives one reply per kind of prompt."""

    def reply(prompt: str) -> str:
        kinds = {"memory_list": "extract", '"operations"': "update", "cited_ids": "answer", "conversation so": "chat"}
        said = replies[next(kind for mark, kind in kinds.items() if mark in prompt)]
        return said if isinstance(said, str) else json.dumps(said)

    return reply


def agent_saying(backend, **replies: object) -> Agent:
    return load_agent({"agent": "MemoryRMMAgent"}, {"main": backend(says(**replies))})


def facts(*values: str) -> dict:
    return {"memory_list": [{"key": "home", "value": value, "source": []} for value in values]}


def test_sessions_change_the_bank(scripted) -> None:
    bank = MemoryBank()
    added = {"operations": [{"id": "c1", "op": "ADD"}, {"id": "c2", "op": "NOOP"}]}
    first = agent_saying(scripted, extract=facts("Ana moved to Lisbon.", "Ben is nice."), update=added)
    result = AgentMemory(first, bank).ingest(MOVED)
    assert result.problems == []
    assert [(change.old, change.new.text) for change in result.changes] == [(None, "home: Ana moved to Lisbon.")]
    record = bank.get("m1")
    assert (record.source, record.created_at) == (("s1:1",), "2024-03-01")

    moved = {"operations": [{"id": "m1", "op": "UPDATE", "value": "Ana lives in Porto."}]}
    second = agent_saying(scripted, extract=facts("Ana moved to Porto."), update=moved)
    (change,) = AgentMemory(second, bank).ingest(AGAIN).changes
    assert (change.old.value, change.new.value) == ("Ana moved to Lisbon.", "Ana lives in Porto.")
    assert bank.get("m1").source == ("s1:1", "s2:1")

    third = agent_saying(scripted, extract=facts("x"), update={"operations": [{"id": "m1", "op": "DELETE"}]})
    (change,) = AgentMemory(third, bank).ingest(AGAIN).changes
    assert (change.old.value, change.new, len(bank)) == ("Ana lives in Porto.", None, 0)


def test_nothing_worth_keeping(scripted) -> None:
    bank = MemoryBank()
    result = AgentMemory(agent_saying(scripted, extract=facts()), bank).ingest(MOVED)
    assert (result.changes, result.problems, len(bank)) == ([], [], 0)


def test_an_unusable_extraction_loses_nothing(scripted) -> None:
    bank = MemoryBank()
    agent = agent_saying(scripted, extract="Ana moved!", update={"operations": [{"id": "c9", "op": "ADD"}]})
    result = AgentMemory(agent, bank).ingest(MOVED)
    assert [record.value for record in bank.get_all()] == ["Ana: I moved to Lisbon.", "Ben: Nice!"]
    assert len(result.changes) == 2
    assert result.problems[0].startswith("extract: no JSON object")
    assert result.problems[1].startswith("update: the plan was not applied. operations[0].id: 'c9'")


def test_every_call_has_a_seed_of_its_own(scripted) -> None:
    def seeds(seed: int) -> list[int]:
        backend = scripted(says(extract=facts("x"), update={"operations": []}, answer="y"))
        memory = AgentMemory(load_agent({"agent": "MemoryRMMAgent"}, {"main": backend}), MemoryBank(), seed)
        memory.ingest(MOVED)
        for _ in range(2):
            memory.ask("Where does Ana live?")
        return [seed for _, sampling in backend.batches for seed in sampling.seeds]

    assert seeds(1) == seeds(1)
    assert len({*seeds(1), *seeds(2)}) == 8


def test_answers_name_the_memories_they_rest_on(scripted) -> None:
    bank = MemoryBank()
    bank.add_many([{"value": "Ana lives in Lisbon."}, {"value": "Ana has a cat."}])
    cited = agent_saying(scripted, answer={"answer": "Lisbon", "cited_ids": ["m1", "m77"]})
    reply = AgentMemory(cited, bank).ask("Where does Ana live?")
    assert (reply.text, [record.id for record in reply.used], reply.problems) == ("Lisbon", ["m1"], [])
    plain = load_agent(
        {"agent": "MemoryRMMAgent", "modules": {"answer": {"style": "plain", "prompt": "answer_cite"}}},
        {"main": scripted(says(answer="Lisbon"))},
    )
    reply = AgentMemory(plain, bank).ask("Where does Ana live?")
    assert (reply.text, {record.id for record in reply.used}) == ("Lisbon", {"m1", "m2"})
    garbled = AgentMemory(agent_saying(scripted, answer="<think>hm</think>It is Lisbon."), bank)
    reply = garbled.ask("Where does Ana live?")
    assert reply.text == "It is Lisbon."
    assert reply.problems == ["answer: the model wrote no action"]
    assert AgentMemory(cited, MemoryBank()).ask("Where?").used == []


def test_it_sees_what_the_environment_shows(scripted) -> None:
    """The same session and bank give the same prompts as in MemoryBankEnv, whose own words do not count."""
    env = make("memgym/MemoryBank-v1", task="persona", difficulty="easy", split="test", instructions=True).unwrapped
    observation, _ = env.reset(options={"index": 0})
    inside, outside = scripted(), scripted()
    player = load_agent({"agent": "PromptedAgent"}, {"main": inside})
    bank = MemoryBank()
    memory = AgentMemory(load_agent({"agent": "PromptedAgent"}, {"main": outside}), bank)
    for session in env.episode.dialogue():
        memory.ingest(session)
        while f'<turn id="{session.turns[0].id}"' in observation or "<candidate" in observation:
            observation, *_ = env.step(player.act(observation))
        assert [vars_of(record) for record in bank.get_all()] == [vars_of(record) for record in env.bank.get_all()]
    assert [prompts for prompts, _ in inside.batches] == [prompts for prompts, _ in outside.batches]
    question = env.episode.questions[0]
    retrieved, *_ = env.step(player.act(observation))
    assert "<phase>answer</phase>" in retrieved
    memory.ask(question.text, question.time)
    assert inside.batches[-1][0] == outside.batches[-2][0]


def vars_of(record) -> tuple:
    return (record.id, record.key, record.value, record.created_at, record.updated_at, record.source)


def test_a_conversation_is_remembered_when_it_ends(scripted) -> None:
    bank = MemoryBank()
    bank.add("Ana has a cat.", time="2024-01-01")
    kept = {"operations": [{"id": "c1", "op": "ADD"}]}
    backend = scripted(says(chat="Hello Ana!", extract=facts("Ana moved to Lisbon."), update=kept))
    talk = Conversation(load_agent({"agent": "MemoryRMMAgent"}, {"main": backend}), bank, "2024-03-01T10:00", "Ana")
    assert talk.say("Hi, I moved to Lisbon.").text == "Hello Ana!"
    assert [record.value for record in talk.say("How is my cat?").used] == ["Ana has a cat."]
    second = backend.batches[1][0][0]
    assert "] Ana: Hi, I moved to Lisbon." in second
    assert "] Assistant: Hello Ana!" in second
    assert "[m1] (2024-01-01) Ana has a cat." in second
    assert len(bank) == 1
    assert [change.new.value for change in talk.end().changes] == ["Ana moved to Lisbon."]
    assert bank.get("m2").source == ("2024-03-01T10:00:1",)
    assert "] Ana: How is my cat?" in backend.batches[2][0][0]
    assert Conversation(talk.agent, bank, "later").end().changes == []


@pytest.mark.parametrize("layout", ["array", "lines", "rows"])
def test_dialogue_files(layout: str, tmp_path) -> None:
    first = {"time": "2024-03-01", "turns": [{"speaker": "Ana", "text": "Hi"}, {"speaker": "Ben", "text": "Hello"}]}
    second = {"id": "s9", "turns": [{"speaker": "Ana", "text": "Bye", "id": "t"}]}
    path = tmp_path / "talk.json"
    rows = [{"sessions": [first, second]}] if layout == "rows" else [first, second]
    path.write_text("\n".join(map(json.dumps, rows)) if layout == "lines" else json.dumps(rows))
    assert read_sessions(path) == [
        Session("1", "2024-03-01", (Turn("1:1", "Ana", "Hi"), Turn("1:2", "Ben", "Hello"))),
        Session("s9", "", (Turn("t", "Ana", "Bye"),)),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"turns": []}], r"talk\.json, row 0, session 1: the field 'turns' is empty"),
        ([{"turns": [{"text": "Hi"}]}], r"row 0, session 1, turn 1: the field 'speaker' is missing"),
        ([{"turn": []}], r"row 0, session 1: the field 'turns' is missing"),
        ([{"turns": [{"speaker": "A", "text": "x", "id": "1:2"}, {"speaker": "A", "text": "y"}]}], "the same id"),
        ([{"sessions": [3]}], r"row 0, session 1: expected an object"),
    ],
)
def test_damaged_dialogue_files(content: list, message: str, tmp_path) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_sessions(path)


def test_a_live_memory_keeps_its_budget(scripted) -> None:
    bank = MemoryBank()
    long = facts(*(f"Ana moved to Lisbon, they say, number {number}." for number in range(9)))
    added = {"operations": [{"id": f"c{number}", "op": "ADD"} for number in range(1, 10)]}
    agent = agent_saying(scripted, extract=long, update=added, answer={"answer": "Lisbon", "cited_ids": ["m1"]})
    memory = AgentMemory(agent, bank, memory_tokens=40, answer_tokens=20)
    for _ in range(3):
        result = memory.ingest(MOVED)
        assert result.problems == ["update: the memory is full at 40 tokens, so the rest is not kept"]
        assert 30 < used_tokens(bank, get_counter("chars")) <= 40
    used = memory.ask("Where does Ana live?").used
    assert sum(get_counter("chars").count(record.shown_text) for record in used) <= 20
