"""Policies over a socket: an entry in any language can be played, and any policy of memgym can be served.

The whole protocol:

- ``GET url`` returns ``{"name": text}``.
- ``POST url`` takes ``{"observations": [text, …], "seeds": [int, …]}``.
- It returns ``{"actions": [text or null, …]}``, one for each observation, null where the policy has none.
- What is random in an action follows from its seed, a whole number below 2**32; nothing is kept between two requests.
- Another status than 200 is an error, and ``{"error": text}`` says why.
"""

from memgym.serving.client import HttpPolicy

__all__ = ["HttpPolicy"]
