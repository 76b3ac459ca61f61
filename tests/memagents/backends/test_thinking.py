"""A model whose chat template lets it think: what it is told reaches the template, and an endless thought is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import transformers

from memagents.agents import load_agent
from memagents.backends import make_backend
from memagents.backends.local import LocalBackend, Sample
from memagents.memory import AgentMemory
from memgym.bank import MemoryBank
from memgym.errors import ConfigError

THINKS = """\
{%- for message in messages %}{{ message.role }}: {{ message.content }}
{% endfor %}assistant: {% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}"""
OFF = {"enable_thinking": False}


@pytest.fixture
def thinking_dir(model_dir: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "thinks"
    shutil.copytree(model_dir, folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = THINKS
    tokenizer.save_pretrained(folder)
    return folder


class Thinker(LocalBackend):
    """Thinks for ever unless the prompt says that it has thought already, as Qwen3 does in few tokens."""

    def update_weights(self, named_tensors):
        """It has none."""

    def _sample(self, prompts, sampling):
        samples = []
        for prompt in prompts:
            thought = self.decode(prompt).endswith("</think>\n\n")
            said = self.tokenizer.encode("Lisbon" if thought else "<think>\n" + "Let me see. " * sampling.max_tokens)
            ids = [*said[: sampling.max_tokens - 1], self.tokenizer.eos_token_id] if thought else said
            ids = ids[: sampling.max_tokens]
            samples.append(Sample(ids, [-1.0] * len(ids), thought))
        return samples


def ask(folder: Path, options: dict | None) -> tuple[str, list[str]]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    backend = Thinker(tokenizer, 8192, False, template_options=options)
    modules = {phase: {"module": "Operator", "name": name} for phase, name in (("extract", "verbatim"),)}
    recipe = {"agent": "PromptedAgent", "modules": {**modules, "answer": {"module": "Answerer", "style": "plain"}}}
    reply = AgentMemory(load_agent(recipe, {"main": backend}), MemoryBank()).ask("Where does Ana live?")
    return reply.text, reply.problems


def test_a_model_told_not_to_think_answers(thinking_dir: Path) -> None:
    assert ask(thinking_dir, OFF) == ("Lisbon", [])


@pytest.mark.parametrize("options", [None, {}, {"enable_thinking": True}])
def test_a_thought_that_does_not_end_is_told_with_the_mend(options: dict | None, thinking_dir: Path) -> None:
    text, (problem,) = ask(thinking_dir, options)
    assert text == ""
    assert "enable_thinking = false" in problem
    assert "raise max_tokens" in problem


def test_a_recipe_says_it_to_the_template(thinking_dir: Path) -> None:
    backend = make_backend({"kind": "transformers", "model": str(thinking_dir), "template_options": OFF})
    messages = [{"role": "user", "content": "hi"}]
    assert backend.decode(backend.encode(messages)) == "user: hi\nassistant: <think>\n\n</think>\n\n"
    assert backend.demonstrate(messages, "ho").prompt_ids == backend.encode(messages)
    plain = make_backend({"kind": "transformers", "model": str(thinking_dir)})
    assert plain.decode(plain.encode(messages)) == "user: hi\nassistant: "


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"enable_thinkin": False}, r"knows no 'enable_thinkin'; did you mean 'enable_thinking'\?"),
        ({"thinking_budget": 3}, "knows no 'thinking_budget'"),
        ({"messages": []}, "knows no 'messages'"),
        ({"add_generation_prompt": False}, "knows no 'add_generation_prompt'"),
        ({"tokenize": False}, "knows no 'tokenize'"),
        ({"enable thinking": False}, "knows no 'enable thinking'"),
        ({3: False}, "must be a table"),
        ("enable_thinking", "must be a table"),
        (False, "must be a table"),
        ([OFF], "must be a table"),
    ],
)
def test_options_that_the_template_does_not_know_are_named(options, message: str, thinking_dir: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        make_backend({"kind": "transformers", "model": str(thinking_dir), "template_options": options})


def test_a_model_without_a_template_knows_no_options(model_dir: Path) -> None:
    with pytest.raises(ConfigError, match="knows no 'enable_thinking'"):
        make_backend({"kind": "transformers", "model": str(model_dir), "template_options": OFF})


def test_a_server_is_told_in_its_own_way(monkeypatch) -> None:
    pytest.importorskip("httpx2", reason="needs the api extra")
    from memagents.backends.base import Sampling

    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    spec = {"kind": "openai", "model": "qwen3", "base_url": "http://127.0.0.1:9/v1"}
    told = make_backend({**spec, "template_options": OFF})._options(Sampling(top_k=4), None)
    assert (told["top_k"], told["chat_template_kwargs"]) == (4, OFF)
    assert "chat_template_kwargs" not in make_backend(spec)._options(Sampling(), None)
    with pytest.raises(ConfigError, match="must be a table"):
        make_backend({**spec, "template_options": "no"})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"rollout_dtype": "bfloat16"}, r"\[backends\.second\]: a vllm backend takes no rollout_dtype"),
        ({"batch_tokens": 3}, r"\[backends\.second\]: unknown option of a vllm backend 'batch_tokens'"),
        ({"device": "cuda"}, r"\[backends\.second\]: unknown option of a vllm backend 'device'"),
        ({"modle": "x"}, r"'modle'. Did you mean 'model'"),
        ({"kind": "vlm"}, r"unknown backend kind 'vlm'"),
        ({"kind": "openai", "model": "x", "truncate": True}, r"unknown option of a openai backend 'truncate'"),
    ],
)
def test_no_weights_are_loaded_before_every_backend_is_read(table: dict, message: str, tmp_path: Path) -> None:
    """The first backend's model does not exist, which would be told if it were loaded first."""
    first = {"kind": "transformers", "model": str(tmp_path / "nowhere")}
    second = {"kind": "vllm", **({} if "modle" in table else {"model": "smollm2"}), **table}
    recipe = {"agent": "PromptedAgent", "backends": {"first": first, "second": second}}
    recipe["modules"] = {phase: {"backend": "first"} for phase in ("read", "extract", "update", "retrieve", "answer")}
    with pytest.raises(ConfigError, match=message):
        load_agent(recipe)
