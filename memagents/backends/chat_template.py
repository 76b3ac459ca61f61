"""From chats to prompt tokens, also for models that come without a chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def encode_chat(tokenizer: PreTrainedTokenizerBase, messages: Messages) -> list[int]:
    """Return the prompt's tokens by the tokenizer's chat template, else by :data:`PLAIN_TEMPLATE`, ready for the reply.

    Raises:
        ConfigError: the template refuses the messages, e.g. a system message where the model knows none.
    """
    from jinja2 import TemplateError

    try:
        return tokenizer.apply_chat_template(  # type: ignore[return-value] # a list of ids, as asked for
            messages,
            chat_template=None if tokenizer.chat_template else PLAIN_TEMPLATE,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
        )
    except TemplateError as error:
        roles = ", ".join(message["role"] for message in messages)
        raise ConfigError(f"the model's chat template refuses messages of the roles {roles}: {error}") from None
