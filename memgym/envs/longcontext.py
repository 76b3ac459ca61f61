"""A text too long to see at once, read section by section into a bounded memory."""

from __future__ import annotations

from typing import Any, ClassVar

from memgym.checks import check_flag, check_int
from memgym.envs.base import MemoryEnv
from memgym.envs.pages import Pages
from memgym.envs.rewards import LONGCONTEXT_REWARDS
from memgym.envs.scores import size_scores
from memgym.episodes import Question
from memgym.protocol.actions import parse_answer
from memgym.protocol.blocks import budget_block, question_block
from memgym.protocol.instructions import ANSWER, FORMS, READ, READ_BLIND
from memgym.protocol.observation import Block


class LongcontextEnv(MemoryEnv):
    r"""Read a long text section by section, keep a bounded memory, then answer from the memory alone.

    ## Description
    The short-term memory setting of MemAgent (arXiv 2507.02259) and MemFactory's ``LongcontextEnv`` (arXiv 2603.29493):
    the text is far longer than what the agent sees at a time. In each ``read`` step it sees one section, its memory
    and the question, and writes the memory anew. In the ``answer`` step it sees only the memory.

    ## MDP
    - **State**: the memory text, the position in the text, the episode.
    - **Observation**: a text (:class:`memgym.Observation`); it does not show the sections already read.
    - **Transition**: deterministic. ``read`` × number of sections, then ``answer`` × number of questions.
    - **Start**: ``reset(options={"index": i})`` plays episode ``i`` of the split; without an index, ``reset(seed=s)``
      draws one. The first observation has an empty memory.

    ## Spaces
    Observation and action space are both :class:`memgym.protocol.spaces.TextSpace`: any Unicode text.

    | phase | state shown | action |
    |---|---|---|
    | `read` | question(s), memory, budget, section i of n | the new memory, any text; it replaces the old one |
    | `answer` | question, memory | the answer: plain, `\boxed{}`, or `{"answer", "cited_ids"}` |

    ## Rewards
    Every step emits the same names in ``info["rewards"]`` (floats in [0, 1]); the reward is their sum weighted by
    ``reward_weights``, or their vector.

    {rewards}

    A memory over the budget is cut there and flagged in ``info["overflow"]``. A bad action (no string, an answer out of
    format) leaves the memory as it was, answers nothing, scores 0 on `format`, and is explained in
    ``info["action_error"]``.

    ## Episode end
    Terminates after the last answer; the observation is then ``""``. Never truncates.

    ## Arguments
    Args:
        task: name of the task (``memgym envs`` lists them); its options are further keyword arguments.
        split: split of the task; by default the task's own default.
        phases: the phases that the agent plays; operators play the others.
        memorizer: who plays ``read``: ``lexical``, ``recent``, ``first``, ``forget``, or ``module:Class`` of a
            policy.
        reader: who plays ``answer``: ``supported`` (does the answer follow from the memory?), ``extractive``,
            ``api:MODEL``, or ``module:Class``.
        section_tokens: size of a section; None takes the episode's own sections or sessions as they are.
        memory_tokens: the memory budget.
        show_question: whether ``read`` observations show the questions.
        answer_format: ``plain``, ``boxed`` or ``json``, whoever answers.
        judge: a language model that scores the answers instead of the task's rule: its name, or a dict with ``model``,
            ``prompt``, ``base_url``.
        reward_weights: weights by reward name; names left out weigh 0.
        vector_reward: True, or a list of reward names: ``step`` then pays the vector (float64) instead of the weighted
            sum, and ``reward_space`` describes it, as MO-Gymnasium wants.
        counter: how tokens are counted: ``chars``, ``words``, or ``hf:PATH`` of a tokenizer file, see
            :mod:`memgym.tokens`.
        instructions: whether observations tell the task.
        reveal_gold: whether observations have a ``<gold>`` block: the privileged channel of ceiling policies. It is told
            in ``info["privileged"]`` and in result files, and :func:`memgym.playing.play` shows it to no other policy.
        render_mode: ``ansi`` or None.

    Raises:
        ConfigError: an argument is unknown (then it is a ``TypeError``, too) or does not fit.
        DataError: the task's file is missing or damaged.

    ## Registered ids
    ``memgym/Longcontext-v1`` and, on the task ``multihop`` at a fixed length in tokens, ``memgym/Longcontext-8k-v1``,
    ``memgym/Longcontext-32k-v1`` and ``memgym/Longcontext-128k-v1``.
    """

    all_phases: ClassVar[tuple[str, ...]] = ("read", "answer")
    rewards = LONGCONTEXT_REWARDS

    def __init__(
        self,
        task: str = "multihop",
        *,
        memorizer: str = "lexical",
        reader: str = "supported",
        section_tokens: int | None = 2500,
        memory_tokens: int = 1024,
        show_question: bool = True,
        **options: Any,
    ):
        super().__init__(task, operators={"read": memorizer, "answer": reader}, **options)
        self.section_tokens = check_int("section_tokens", section_tokens, 1, optional=True)
        self.memory_tokens = self.action_tokens = check_int("memory_tokens", memory_tokens, 1)
        self.show_question = check_flag("show_question", show_question)

    def potentials(self) -> dict[str, float]:
        """Return recall, precision, compression and share of the present memory."""
        quality = self.support.quality([self.memory])
        kept = self.counter.count(self.memory)
        return quality | size_scores(quality["memory_recall"], kept, self._pages.total_tokens)

    def _begin(self) -> str:
        self.memory = ""
        pieces = [section.text for section in self.episode.sections] or [str(s) for s in self.episode.sessions]
        self._pages = Pages(pieces, self.section_tokens, self.counter)
        self._sections_read = 0
        self._answered = 0
        return "read"

    def _copy_state(self) -> dict[str, Any]:
        names = ("memory", "_pages", "_sections_read", "_answered")
        return {name: getattr(self, name) for name in names}

    def _state(self, phase: str) -> list[Block]:
        memory = Block("memory", self.memory)
        if phase == "answer":
            return [question_block(self._question.text, self._question.time, self._format), memory]
        asked = self.episode.questions if self.show_question else ()
        questions = [question_block(question.text, question.time) for question in asked]
        number, total = self._sections_read + 1, len(self._pages)
        section = Block("section", self._pages[self._sections_read], {"number": str(number), "of": str(total)})
        budget = budget_block(self.memory_tokens, self.counter.count(self.memory), self._counter_name)
        return [*questions, budget, memory, section]

    def _gold(self, phase: str) -> dict[str, Any]:
        if phase == "answer":
            follows = self.support.answer(self._question, [self.memory])
            return {**self._answer_gold(self._question), "follows": follows}
        evidence = {source for question in self.episode.questions for source in question.evidence}
        return {
            "questions": [self._answer_gold(question) for question in self.episode.questions],
            "statements": [text for question in self.episode.questions for text in self.support.statements(question)],
            "passages": [text for identity, text in self.episode.passages() if identity in evidence],
        }

    def _parse(self, phase: str, action: str) -> Any:
        return parse_answer(action, self._format) if phase == "answer" else action

    def _apply(self, phase: str, parsed: Any | None) -> str | None:
        if phase == "answer":
            parsed = self._bounded(self._question, parsed)
            scores = self._scorer.score(self._question, parsed)
            self._scores.add_answer(self._question, parsed, scores)
            self._answered += 1
            return "answer" if self._answered < len(self.episode.questions) else None
        if parsed is not None:
            self.memory = self.counter.cut(parsed, self.memory_tokens)
            self._scores.overflow |= len(self.memory) < len(parsed)
        self._sections_read += 1
        return "read" if self._sections_read < len(self._pages) else "answer"

    def _instruction(self, phase: str) -> str:
        if phase == "answer":
            return ANSWER.format(form=FORMS[self._format])
        return (READ if self.show_question else READ_BLIND).format(memory_tokens=self.memory_tokens)

    @property
    def _question(self) -> Question:
        return self.episode.questions[self._answered]
