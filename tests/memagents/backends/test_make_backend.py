from __future__ import annotations

import sys

import pytest

from memagents.backends import KINDS, Sampling, make_backend
from memgym.errors import ConfigError, MissingExtraError


def test_a_table_makes_a_backend(tiny_dir):
    backend = make_backend({"kind": "transformers", "model": str(tiny_dir), "device": "cpu", "truncate": True})
    assert backend.truncate
    assert backend.generate([[5] * 200], Sampling(max_tokens=2))[0].truncated


def test_a_served_model_is_made_from_a_table_too(chat_server):
    backend = make_backend({"kind": "openai", "model": "tiny", "base_url": chat_server.url})
    assert backend.chat([[{"role": "user", "content": "ping"}]], Sampling(seeds=(1,)))[0].text == "pong"


@pytest.mark.parametrize("kind", ["transformer", None, 3])
def test_an_unknown_kind_lists_those_that_exist(kind):
    with pytest.raises(ConfigError, match=f"unknown backend kind {kind!r}.*openai, transformers, vllm"):
        make_backend({"kind": kind, "model": "smollm2"})
    with pytest.raises(ConfigError, match="unknown backend kind None"):
        make_backend({})


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_and_missing_options_are_told(kind):
    with pytest.raises(ConfigError, match=f"unknown option of a {kind} backend 'modle'. Did you mean 'model'.*Known"):
        make_backend({"kind": kind, "modle": "x"})
    with pytest.raises(ConfigError, match=f"a {kind} backend needs the argument 'model'"):
        make_backend({"kind": kind})


@pytest.mark.parametrize(
    ("kind", "package", "extra"), [("transformers", "transformers", "train"), ("vllm", "vllm", "vllm")]
)
def test_a_missing_extra_gives_the_pip_line(monkeypatch, tiny_dir, kind, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"memagents.backends.{kind}_backend", raising=False)
    with pytest.raises(MissingExtraError, match=rf"a.*{kind} backend needs.*pip install '\.\[{extra}\]'"):
        make_backend({"kind": kind, "model": str(tiny_dir)})
