"""A small client for any endpoint that speaks OpenAI's API: chat completions and embeddings (the ``api`` extra).

One client serves backends, judges, readers and embedders. How it copes with the dialects of servers is in
:mod:`memgym.api.fields`; what it does against servers that hang, drip, flood or echo, in :mod:`memgym.api.endpoint`.
"""

from memgym.api.client import ChatClient, Message, concurrently
from memgym.api.endpoint import ApiError, BadReplyError
from memgym.api.replies import Reply

__all__ = ["ApiError", "BadReplyError", "ChatClient", "Message", "Reply", "concurrently"]
