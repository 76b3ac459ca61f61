"""Answering a question from the memories that were kept."""

from __future__ import annotations

from memagents.modules.text import TextModule
from memgym.errors import ActionError, unknown
from memgym.operators import write_answer
from memgym.protocol.actions import ACTION_SCHEMAS, parse_answer, to_json
from memgym.protocol.boxed import write_boxed
from memgym.protocol.observation import Observation
from memgym.scoring.phrases import contains

STYLES = {"plain": "answer", "boxed": "answer_boxed", "distill": "answer_distill", "cite": "answer_cite"}
"""How the model answers, to the prompt that asks for it."""
_MARK = "Answer:"


class Answerer(TextModule):
    r"""Asks a model for the answer. In which form the model writes and which one the environment wants are two things.

    Args:
        style: ``plain``: the reply is the answer; ``boxed``: it ends in ``\boxed{}`` (MemAgent, arXiv 2507.02259);
            ``distill``: the useful memories are copied first, the answer follows ``Answer:`` (Memory-R1,
            arXiv 2508.19828, section 3.2); ``cite``: ``{"answer", "cited_ids"}`` (RMM, arXiv 2503.08026, section 6).
        prompt: by default the one that goes with the style.
        max_tokens, temperature, top_p, top_k, min_tokens: see :class:`~memagents.modules.text.TextModule`.
        guided: see there; for ``cite`` only.

    Raises:
        ConfigError: an argument does not fit.
    """

    phases = ("answer",)

    def __init__(
        self,
        style: str = "plain",
        prompt: str | None = None,
        max_tokens: int = 1024,
        temperature: float = 0.0,
        top_p: float = 1.0,
        top_k: int = 0,
        guided: bool = False,
        min_tokens: int = 0,
    ):
        if style not in STYLES:
            raise unknown("style of an answer", style, STYLES)
        prompt = STYLES[style] if prompt is None else prompt
        super().__init__(prompt, max_tokens, temperature, top_p, top_k, min_tokens=min_tokens)
        self.style = style
        if guided:
            self.guide(ACTION_SCHEMAS["answer"] if style == "cite" else None)

    def parse(self, text: str, observation: Observation) -> str | None:
        """Return the answer in the environment's form; None if it is not in the form that the model was asked for."""
        cited: tuple[str, ...] = ()
        if self.style == "distill":
            _, mark, text = text.rpartition(_MARK)
            if not mark:
                return None
        elif self.style != "plain":
            try:
                text, cited = _read(text, "boxed" if self.style == "boxed" else "json")
            except ActionError:
                return None
        return write_answer(observation, text.strip(), cited)

    def write(self, action: str, observation: Observation) -> str:
        """Return the answer as the style has it; with ``distill``, behind the memories that share words with it."""
        question = observation.first("question")
        answer = parse_answer(action, question.attributes.get("format", "plain") if question else "plain")
        if self.style == "boxed":
            return write_boxed(answer.text)
        if self.style == "cite":
            return to_json({"answer": answer.text, "cited_ids": list(answer.cited_ids)})
        if self.style == "distill":
            useful = [memory.text for memory in observation.memories if contains(memory.text, answer.text)]
            return f"Useful memories: {' '.join(useful) or 'none'}\n{_MARK} {answer.text}"
        return answer.text


def _read(text: str, form: str) -> tuple[str, tuple[str, ...]]:
    answer = parse_answer(text, form)
    return answer.text, answer.cited_ids
