"""Prompts, parsers, and the three ways of playing."""

from __future__ import annotations

import pytest

from memagents.backends import Sampling
from memagents.modules import MODULES, Call, Request, module_class
from memagents.modules.answerer import STYLES, Answerer
from memagents.modules.context_editor import ContextEditor
from memagents.modules.line_updater import LineUpdater
from memagents.modules.naive import NaiveExtractor, NaiveRetriever, NaiveUpdater, RerankRetriever
from memagents.modules.operator import Operator
from memagents.modules.prompted import Prompted
from memagents.modules.recurrent import RecurrentMemory
from memagents.prompts import FIELDS, NO_MEMORY, load_prompt, prompt_names, render
from memagents.reasoning import spoken
from memgym.errors import ConfigError
from memgym.protocol.actions import ACTION_SCHEMAS, parse_answer, parse_update
from memgym.protocol.observation import PHASES, Block, Observation

MEMORIES = (
    Block("memory", "Mira lives in Lisbon.", {"id": "m3", "key": "home", "time": "2023-05-08"}),
    Block("memory", "Mira has a cat.", {"id": "m7"}),
)
STATES = {
    "read": (
        Block("question", "Where does Mira live?"),
        Block("budget", "", {"tokens": "64", "used": "0", "counter": "chars"}),
        Block("memory", ""),
        Block("section", "Mira moved to Lisbon.", {"number": "1", "of": "2"}),
    ),
    "extract": (Block("time", "8 May"), Block("turn", "I moved.", {"id": "D1:1", "speaker": "Mira"})),
    "update": (Block("time", "8 May"), Block("candidate", "Mira moved.", {"id": "c1", "key": "home"}), *MEMORIES),
    "retrieve": (Block("question", "Where does Mira live?", {"time": "9 May"}), *MEMORIES),
    "answer": (Block("question", "Where does Mira live?", {"time": "9 May", "format": "plain"}), *MEMORIES),
}
OBSERVATIONS = {phase: Observation(phase, f"Play {phase}.", blocks) for phase, blocks in STATES.items()}


def content(module, phase: str) -> str:
    return module.prompt(OBSERVATIONS[phase])[0]["content"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Lisbon", "Lisbon"),
        ("  <think>hm</think>\n Lisbon \n", "Lisbon"),
        ("<think></think>", ""),
        ("<think>a</think><think>b</think>Lisbon", "Lisbon"),
        ("the template opened it</think>Lisbon", "Lisbon"),
        ("<think>Lisbon", None),
        ("Lisbon <think>or", None),
        ("<think>a</think>Lisbon<think>or", None),
    ],
)
def test_only_what_follows_closed_reasoning_is_said(text: str, said: str | None) -> None:
    assert spoken(text) == said


def test_prompts_show_the_state() -> None:
    assert "Session (8 May):\n[D1:1] Mira: I moved." in content(NaiveExtractor(), "extract")
    update = content(NaiveUpdater(), "update")
    assert "[c1] home: Mira moved." in update
    assert "[m3] (2023-05-08) home: Mira lives in Lisbon.\n[m7] Mira has a cat." in update
    assert "Question (9 May): Where does Mira live?" in content(RerankRetriever(), "retrieve")
    assert "\nhome: Mira moved. [c1]" in content(NaiveUpdater("update_select"), "update")
    read = content(RecurrentMemory(), "read")
    assert "Mira moved to Lisbon." in read
    assert "At most 64 tokens" in read
    assert f"<memory>\n{NO_MEMORY}\n</memory>" in read
    for style in STYLES:
        assert "Mira has a cat." in content(Answerer(style), "answer")
    prompted = content(Prompted(), "answer")
    assert prompted.startswith("Play answer.")
    assert all(str(block) in prompted for block in STATES["answer"])


def test_every_prompt_names_prompt_renders() -> None:
    everything = Observation("answer", "task", tuple(block for state in STATES.values() for block in state))
    for name in prompt_names():
        text = render(load_prompt(name), everything)
        assert "$" not in text


def test_content_that_looks_like_a_placeholder_stays() -> None:
    observation = Observation("answer", "", (Block("question", "What costs $budget or ${time} or $$5?"),))
    assert "What costs $budget or ${time} or $$5?" in Answerer().prompt(observation)[0]["content"]


def test_own_prompt_files(tmp_path) -> None:
    own = tmp_path / "mine.txt"
    own.write_text("For $$1: $question", encoding="utf-8")
    assert content(Answerer(prompt=str(own)), "answer") == "For $1: Where does Mira live?"
    own.write_text("$memroy", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"memroy.*Did you mean 'memory'\?"):
        Answerer(prompt=str(own))
    own.write_text("costs $5", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.txt.*\$\$"):
        Answerer(prompt=str(own))
    with pytest.raises(ConfigError, match=r"unknown prompt 'anser'.*'answer'"):
        Answerer(prompt="anser")
    with pytest.raises(ConfigError, match=r"none\.txt"):
        Answerer(prompt="none.txt")
    assert set(FIELDS) >= {"question", "memories"}


@pytest.mark.parametrize("phase", PHASES)
def test_the_three_ways(phase: str, scripted) -> None:
    module = Prompted(max_tokens=40, temperature=0.7, top_p=0.9, top_k=5, min_tokens=2)
    backend = scripted()
    for way, final in (("generate", False), ("rollout", True)):
        request = getattr(module, way)(OBSERVATIONS[phase], 0)
        assert isinstance(request, Request)
        assert request.sampling == Sampling(max_tokens=40)
        completion = backend.chat([request.messages], request.sampling)[0]
        call = request.finish(completion)
        assert call.row["final"] is final
        assert call.row["response_ids"] == completion.token_ids
        assert call.row["prompt_ids"] == completion.prompt_ids
    request = module.inference(OBSERVATIONS[phase])
    assert request.sampling == Sampling(40, 0.7, 0.9, 5, 2)
    assert request.finish(backend.chat([request.messages], request.sampling)[0]).row is None


def test_guided_decoding_is_for_inference_only() -> None:
    module = NaiveUpdater(guided=True)
    assert module.inference(OBSERVATIONS["update"]).sampling.json_schema == ACTION_SCHEMAS["update"]
    assert module.rollout(OBSERVATIONS["update"], 0).sampling.json_schema is None
    assert Answerer("cite", guided=True).sampling.json_schema == ACTION_SCHEMAS["answer"]
    for make in (lambda: RecurrentMemory(guided=True), lambda: Answerer("boxed", guided=True)):
        with pytest.raises(ConfigError, match="guided"):
            make()


def test_reasoning_is_kept_in_the_trace_and_taken_from_the_action(scripted) -> None:
    request = Answerer().inference(OBSERVATIONS["answer"])
    for text, action in (("<think>hm</think> Lisbon", "Lisbon"), ("<think>Lisbon", None)):
        backend = scripted(lambda prompt, text=text: text)
        call = request.finish(backend.chat([request.messages], request.sampling)[0])
        assert (call.action, call.trace) == (action, text)


@pytest.mark.parametrize("asked", ["plain", "boxed", "json"])
@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("plain", "Lisbon"),
        ("boxed", r"So it is \boxed{Porto}, no: \boxed{Lisbon}"),
        ("distill", "Useful memories: m3 says. Answer: Porto?\nAnswer: Lisbon"),
        ("cite", '```json\n{"answer": "Lisbon", "cited_ids": ["m3"]}\n```'),
    ],
)
def test_every_style_answers_in_every_format(asked: str, style: str, text: str) -> None:
    observation = Observation("answer", "", (Block("question", "Where?", {"format": asked}), *MEMORIES))
    answer = parse_answer(Answerer(style).parse(text, observation), asked)
    assert answer.text == "Lisbon"
    assert answer.cited_ids == (("m3",) if style == "cite" and asked == "json" else ())


@pytest.mark.parametrize(("style", "text"), [("boxed", "Lisbon"), ("distill", "Lisbon"), ("cite", "Lisbon, m3")])
def test_an_answer_out_of_style_is_no_guess(style: str, text: str) -> None:
    assert Answerer(style).parse(text, OBSERVATIONS["answer"]) is None


def test_a_context_edit_keeps_what_it_does_not_name() -> None:
    new = tuple(Block("candidate", f"record {i}", {"id": f"c{i}"}) for i in (1, 2, 3))
    observation = Observation("update", "", (*new, *MEMORIES))
    action = ContextEditor().parse(
        'Here: {"prune": ["c2", "m7"], "rewrite": [{"id": "m3", "value": "x"}, {"id": "c3", "value": "y"}]}',
        observation,
    )
    operations, problems = parse_update(action, ["c1", "c2", "c3"], ["m3", "m7"])
    assert problems == []
    done = {operation.id: (operation.op, operation.value) for operation in operations}
    assert done == {
        "c1": ("ADD", None),
        "c2": ("NOOP", None),
        "c3": ("ADD", "y"),
        "m3": ("UPDATE", "x"),
        "m7": ("DELETE", None),
    }
    unknown = ContextEditor().parse('{"prune": ["m99", ["m3"], 5]}', observation)
    assert len(parse_update(unknown, ["c1", "c2", "c3"], ["m3", "m7"])[1]) == 3
    for text in ("nothing", '{"prune": ["c2"', '{"prune": "c2"}', '{"delete": []}', "{}", '{"rewrite": ["m3"]}', "[1]"):
        assert ContextEditor().parse(text, observation) is None


def test_decisions_are_a_line_for_each_new_fact() -> None:
    new = tuple(Block("candidate", f"record {i}", {"id": f"c{i}"}) for i in (1, 2, 3))
    observation = Observation("update", "", (*new, *MEMORIES))
    lines = "c1 ADD\nc2 NOOP\nc3 UPDATE m7\nm3 DELETE"
    action = LineUpdater().parse(f"  {lines} \n\n", observation)
    operations, problems = parse_update(action, ["c1", "c2", "c3"], ["m3", "m7"])
    assert problems == []
    assert {operation.id: (operation.op, operation.value) for operation in operations} == {
        "c1": ("ADD", None),
        "c2": ("NOOP", None),
        "m7": ("UPDATE", "record 3"),
        "m3": ("DELETE", None),
    }
    assert LineUpdater().write(action, observation) == lines
    for text in ("c9 ADD", "m3 ADD", "c1 DELETE", "c1 ADD\nc1 ADD", "c1 UPDATE m7\nc2 UPDATE m7"):  # explained there
        assert parse_update(LineUpdater().parse(text, observation), ["c1", "c2", "c3"], ["m3", "m7"])[1]
    for text in ("add it", "c1 KEEP", "c1 UPDATE", "c9 UPDATE m7", "c1 ADD m7", '{"operations": []}'):
        assert LineUpdater().parse(text, observation) is None
    assert parse_update(LineUpdater().parse("", observation), [], []) == ([], [])


def test_a_decision_can_be_made_from_what_stands_before_it() -> None:
    asked = content(LineUpdater(), "update")
    read = ("home: Mira lives in Lisbon.", "[m3]", "New sentences", "home: Mira moved.", "[c1]")
    assert sorted(read, key=asked.index) == list(read)


def test_an_update_in_words_of_its_own_is_no_decision() -> None:
    plan = '{"operations": [{"id": "m3", "op": "UPDATE", "value": "Mira lives in Rome."}]}'
    assert LineUpdater().write(plan, OBSERVATIONS["update"]) == "c1 NOOP"


def test_operators_play_and_cannot_be_trained() -> None:
    assert NaiveRetriever().inference(OBSERVATIONS["retrieve"]) == Call('["m3", "m7"]', '["m3", "m7"]')
    assert Operator("verbatim").phases == ("extract",)
    for way in (NaiveRetriever().generate, Operator("recent").rollout):
        with pytest.raises(ConfigError, match="nothing to train"):
            way(OBSERVATIONS["retrieve"], 0)
    with pytest.raises(ConfigError, match=r"'top-k'.*'top_k'"):
        Operator("top-k")
    with pytest.raises(ConfigError, match="unknown operator 'contains'"):
        Operator("contains")


def test_modules_are_found_by_name() -> None:
    for name in MODULES:
        assert module_class(name).__name__ == name
    assert module_class("memagents.modules.naive:NaiveUpdater") is NaiveUpdater
    with pytest.raises(ConfigError, match=r"'NaiveUpdator'.*Did you mean 'NaiveUpdater'\?.*RerankRetriever"):
        module_class("NaiveUpdator")
    for name in ("nowhere:Thing", "memagents.modules.naive:Thing", "memgym:Policy"):
        with pytest.raises(ConfigError, match=name):
            module_class(name)
