"""From chats to prompt tokens, also for models that come without a chat template."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from memagents.backends.base import Messages
from memgym.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLAIN_TEMPLATE = """\
{{ bos_token or '' }}
{%- for message in messages %}
    {{- message['role'] | capitalize + ': ' + message['content'] + '\\n\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- 'Assistant:' }}
{%- endif %}"""
"""The template of a model that has none, after its beginning-of-sequence token if it has one::

    System: …

    User: …

    Assistant:
"""


def check_template_options(options: Mapping[str, Any] | None, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Return arguments for a chat template, e.g. ``{"enable_thinking": False}``, if it looks at all of them.

    A template ignores what it does not know, so that a misspelt one would have no effect.

    Raises:
        ConfigError: they are no table, or one is not the template's.
    """
    options = table_of_options(options)
    templates = tokenizer.chat_template or ""
    words = set(re.findall(r"[A-Za-z_]\w*", str(templates)))
    reserved = {"messages", "add_generation_prompt", *inspect.signature(tokenizer.apply_chat_template).parameters}
    for name in options:
        if name in reserved or name not in words:
            near = get_close_matches(name, words - reserved, n=1, cutoff=0.7)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"'template_options': the model's chat template knows no {name!r}{hint}")
    return options


def table_of_options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the arguments for a chat template as a dict, empty for None.

    Raises:
        ConfigError: they are no table with names.
    """
    if options is not None and not (isinstance(options, Mapping) and all(isinstance(name, str) for name in options)):
        raise ConfigError(
            f"argument 'template_options' must be a table, such as {{ enable_thinking = false }}, not {options!r}"
        )
    return dict(options or {})


def encode_chat(
    tokenizer: PreTrainedTokenizerBase, messages: Messages, options: Mapping[str, Any] | None = None
) -> list[int]:
    """Return the prompt's tokens by the tokenizer's chat template, else by :data:`PLAIN_TEMPLATE`, ready for the reply.

    Args:
        tokenizer: of the model.
        messages: the chat.
        options: further arguments of the template.

    Raises:
        ConfigError: the template refuses the messages, e.g. a system message where the model knows none.
    """
    from jinja2 import TemplateError

    try:
        ids: Any = tokenizer.apply_chat_template(
            messages,
            chat_template=None if tokenizer.chat_template else PLAIN_TEMPLATE,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
            **(options or {}),
        )
        return ids
    except TemplateError as error:
        roles = ", ".join(message["role"] for message in messages)
        raise ConfigError(f"the model's chat template refuses messages of the roles {roles}: {error}") from None
