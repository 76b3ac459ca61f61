"""A bank of memories kept over many sessions, then asked."""

from __future__ import annotations

from typing import Any, ClassVar

from memgym.bank import CachedEmbedder, MemoryBank, MemoryRecord, get_embedder
from memgym.checks import check_int
from memgym.envs.base import MemoryEnv
from memgym.envs.evidence import citation_scores, rests_on, retrieval_scores
from memgym.envs.scores import memory_quality
from memgym.episodes import Question, Session
from memgym.errors import ActionError
from memgym.protocol.actions import (
    Answer,
    Candidate,
    PlannedOperation,
    parse_answer,
    parse_extract,
    parse_retrieve,
    parse_update,
)
from memgym.protocol.blocks import candidate_block, memory_block, turn_blocks
from memgym.protocol.instructions import ANSWER, EXTRACT, FORMS, RETRIEVE, UPDATE
from memgym.protocol.observation import Block
from memgym.protocol.plans import attribute_source, bank_operations, fit_budget
from memgym.scoring.text import normalize


class MemoryBankEnv(MemoryEnv):
    r"""Keep a bank of memories over many sessions, then answer questions from what the bank returns.

    ## Description
    The long-term memory setting of Memory-R1 (arXiv 2508.19828), RMM (arXiv 2503.08026) and MemFactory's
    ``MemoryBankEnv`` (arXiv 2603.29493). For each session the agent extracts candidate memories and decides how they
    change the bank; for each question it orders the memories that the bank's search returns and answers from the
    first of them. ``phases=`` names those that the agent plays; the environment plays the others with operators. So a
    memory manager (``extract, update``), a reranker (``retrieve``) and a full agent play the same environment.

    ## MDP
    - **State**: the bank (records with stable ids, keys, times, provenance), the session or question at hand, the
      candidates or retrieved memories of the phase before.
    - **Observation**: a text (:class:`memgym.Observation`); of the bank it shows only what the phase needs.
    - **Transition**: deterministic. Per session ``extract``, then ``update`` if there are candidates; then per question
      ``retrieve`` and ``answer``.
    - **Start**: ``reset(options={"index": i})`` plays episode ``i`` of the split; without an index, ``reset(seed=s)``
      draws one. The bank is empty, but for what operators stored before the agent's first phase.

    ## Spaces
    Observation and action space are both :class:`memgym.protocol.spaces.TextSpace`: any Unicode text. JSON Schemas of the
    actions are in :data:`memgym.protocol.actions.ACTION_SCHEMAS`.

    | phase | state shown | action |
    |---|---|---|
    | `extract` | a session's turns with speakers and time | `{"memory_list": [{"key", "value", "memory_type", "tags"}]}` |
    | `update` | candidates `c1…`, related memories `m7…` | `{"operations": [{"id", "op": "ADD\|UPDATE\|DELETE\|NOOP", "key"?, "value"?}]}` |
    | `retrieve` | question, ``retrieve_k`` memories | a JSON list of ids, best first; the first ``answer_k`` are kept |
    | `answer` | question, the kept memories | the answer: plain, `\boxed{}`, or `{"answer", "cited_ids"}` |

    ## Rewards
    Every step emits the same names in ``info["rewards"]`` (floats in [0, 1]) and ``info["vector_reward"]``; the reward
    is their sum weighted by ``reward_weights``. Where operators answer several questions within one step, `answer`
    and the other parts of an answer are means over them.

    | name | paid | value | weight |
    |---|---|---|---|
    | `answer` | on an answer | the task's official score | 1 |
    | `format` | every step | 1 if the action was usable, else 0 | 0.1 |
    | `evidence_recall` | on a retrieval | share of the question's evidence turns that a kept memory rests on | 0 |
    | `citation_precision` | on an answer | share of the cited memories that rest on evidence, 0 without citations | 0 |
    | `operation_validity` | on an update | share of the plan's operations that are valid, 1 for an empty plan | 0 |
    | `memory_recall` | last step | share of the gold facts that still hold (without gold facts: of the questions with a gold answer) found in the bank | 0 |
    | `memory_precision` | last step | share of the records with such a fact or answer | 0 |
    | `compression` | last step | 1 − length of the bank / length of the sessions in characters, at least 0 | 0 |
    | `token_cost` | every step | action tokens / ``action_tokens``, at most 1 (give it a negative weight) | 0 |

    Each question's own scores are in ``info["answers"]``; beside the task's they have the ``reciprocal_rank`` of the
    first memory that rests on evidence, and with the answer format ``json`` the ``citation_recall``.

    A memory rests on the turns that the extraction names in ``source``; if it names none, on the turn of the session
    that shares most words with it. A bad action leaves the bank as it was (an update plan applies whole or not at
    all), retrieves or answers nothing, scores 0 on `format`, and is explained in ``info["action_error"]``. Memories
    beyond ``memory_tokens`` are cut and flagged in ``info["overflow"]``.

    ## Episode end
    Terminates after the last answer; the observation is then ``""``. Never truncates.

    ## Arguments
    Args:
        task: name of the task (``memgym envs`` lists them); its options are further keyword arguments.
        split: split of the task; by default the task's own default.
        phases: the phases that the agent plays; operators play the others.
        extractor: who plays ``extract``: ``verbatim``, or ``module:Class`` of a policy.
        updater: who plays ``update``: ``add_all``, ``deduplicate``, or ``module:Class``.
        retriever: who plays ``retrieve``: ``top_k``, or ``module:Class``.
        reader: who plays ``answer``: ``contains`` (do the kept memories hold the gold answer?), ``extractive``,
            ``api:MODEL``, or ``module:Class``.
        retrieve_k: number of memories that the search returns for a question.
        answer_k: number of memories kept for the answer.
        related_k: number of related memories shown per candidate in ``update``.
        memory_tokens: budget of the whole bank, None for no limit.
        action_tokens: size of an action that counts as `token_cost` 1.
        embedder: how the bank embeds: ``hash`` (lexical, NumPy only), ``minilm``, ``api:MODEL``.
        answer_format: ``plain``, ``boxed`` or ``json``.
        judge: a language model that scores the answers instead of the task's rule: its name, or a dict with ``model``,
            ``prompt``, ``base_url``.
        reward_weights: weights by reward name; names left out weigh 0.
        counter: how tokens are counted, ``chars`` or ``words`` (see :mod:`memgym.tokens`).
        instructions: whether observations tell the task.
        reveal_gold: whether observations have a ``<gold>`` block: the privileged channel of ceiling policies.
        render_mode: ``ansi`` or None.

    Raises:
        ConfigError: an argument is unknown or does not fit.
        DataError: the task's file is missing or damaged.

    ## Registered ids
    ``memgym/MemoryBank-v0`` (all phases), ``memgym/MemoryR1Manager-v0`` (``extract``, ``update``; the environment
    retrieves and answers) and ``memgym/RMMReranker-v0`` (``retrieve``; 20 candidates, 5 kept).
    """

    all_phases: ClassVar[tuple[str, ...]] = ("extract", "update", "retrieve", "answer")
    reward_names: ClassVar[tuple[str, ...]] = (
        "answer",
        "format",
        "evidence_recall",
        "citation_precision",
        "operation_validity",
        "memory_recall",
        "memory_precision",
        "compression",
        "token_cost",
    )

    def __init__(
        self,
        task: str = "persona",
        *,
        extractor: str = "verbatim",
        updater: str = "add_all",
        retriever: str = "top_k",
        reader: str = "contains",
        retrieve_k: int = 20,
        answer_k: int = 5,
        related_k: int = 3,
        memory_tokens: int | None = None,
        action_tokens: int = 1024,
        embedder: str = "hash",
        **options: Any,
    ):
        self.retrieve_k = check_int("retrieve_k", retrieve_k, 1)
        self.answer_k = check_int("answer_k", answer_k, 1)
        self.related_k = check_int("related_k", related_k, 1)
        self.memory_tokens = check_int("memory_tokens", memory_tokens, 1, optional=True)
        self.action_tokens = check_int("action_tokens", action_tokens, 1)
        self._embedder = CachedEmbedder(get_embedder(embedder))
        self._operator_names = {"extract": extractor, "update": updater, "retrieve": retriever, "answer": reader}
        super().__init__(task, **options)

    def potentials(self) -> dict[str, float]:
        """Return recall, precision and compression of the present bank, against the facts that hold by now."""
        heard = {turn.id for session in self._sessions[: self._ended] for turn in session.turns}
        lines = [normalize(record.text) for record in self.bank.get_all()]
        stored = sum(len(record.text) for record in self.bank.get_all())
        said = sum(len(turn.text) for session in self._sessions for turn in session.turns)
        return {
            **memory_quality(self.episode.questions, self.episode.facts_after(heard), lines),
            "compression": max(0.0, 1 - stored / max(1, said)),
        }

    def _begin(self) -> str:
        self.bank = MemoryBank(embedder=self._embedder)
        self._sessions = self.episode.dialogue()
        self._ended = 0
        self._candidates: dict[str, Candidate] = {}
        self._asked = 0
        self._shown: dict[str, MemoryRecord] = {}  # the memories in the present observation
        self._found: dict[str, float] = {}  # how well the present question's evidence was retrieved
        return "extract"

    def _state(self, phase: str) -> list[Block]:
        if phase == "extract":
            return [*self._time(), *self._budget(), *turn_blocks(self._session.turns)]
        memories = [memory_block(record) for record in self._shown.values()]
        if phase == "update":
            candidates = [candidate_block(name, candidate) for name, candidate in self._candidates.items()]
            return [*self._time(), *self._budget(), *candidates, *memories]
        return [self._question_block(self._question, ask=phase == "answer"), *memories]

    def _gold(self, phase: str) -> dict[str, Any]:
        if phase == "answer":
            return self._answer_gold(self._question)
        if phase == "retrieve":
            evidence = self._question.evidence if self._question.answerable else ()
            return {"relevant": [record.id for record in self._shown.values() if rests_on(record, evidence)]}
        turns = {turn.id for turn in self._session.turns}
        evidence = {turn for question in self.episode.questions for turn in question.evidence}
        if phase == "extract":
            return {"evidence": sorted(turns & evidence)}
        telling = turns & (evidence | {fact.source for fact in self.episode.facts})
        return {"relevant": [name for name, new in self._candidates.items() if telling & {*self._rests_on(new)}]}

    def _parse(self, phase: str, action: str) -> Any:
        if phase == "extract":
            return parse_extract(action, {turn.id for turn in self._session.turns})
        if phase == "retrieve":
            return parse_retrieve(action, self._shown)
        if phase == "answer":
            return parse_answer(action, self._format)
        operations, problems = parse_update(action, self._candidates, self._shown)
        total = len(operations) + len(problems)
        self._scores.add("operation_validity", len(operations) / total if total else 1.0)
        if problems:
            raise ActionError("the plan was not applied. " + "; ".join(problems[:5]))
        return operations

    def _apply(self, phase: str, parsed: Any | None) -> str | None:
        return getattr(self, f"_{phase}")(parsed)

    def _extract(self, candidates: list[Candidate] | None) -> str | None:
        if not candidates:
            return self._end_session()
        self._candidates = {f"c{i}": candidate for i, candidate in enumerate(candidates, 1)}
        found = self.bank.search_many([candidate.value for candidate in candidates], self.related_k)
        self._shown = {record.id: record for hits in found for record, _ in hits}
        return "update"

    def _update(self, operations: list[PlannedOperation] | None) -> str | None:
        plan, overflow = fit_budget(
            bank_operations(operations or (), self._candidates, self._session.turns),
            self.bank,
            self.memory_tokens,
            self.counter,
        )
        self._scores.overflow |= overflow
        self.bank.apply(plan, time=self._session.time)
        return self._end_session()

    def _retrieve(self, ids: list[str] | None) -> str:
        ranked = [self._shown[identity] for identity in ids or ()]
        self._found = {}
        if self._question.evidence:
            self._found = retrieval_scores(ranked, self.answer_k, self._question.evidence)
            self._scores.add("evidence_recall", self._found["evidence_recall"])
        self._shown = {record.id: record for record in ranked[: self.answer_k]}
        return "answer"

    def _answer(self, answer: Answer | None) -> str | None:
        scores = self._scorer.score(self._question, answer) | self._found
        if self._question.evidence and self._format == "json":
            cited = citation_scores(answer.cited_ids if answer else (), self._shown, self._question.evidence)
            self._scores.add("citation_precision", cited["citation_precision"])
            scores |= cited
        self._scores.add_answer(self._question, answer, scores)
        self._asked += 1
        return self._next_question()

    def _end_session(self) -> str | None:
        self._ended += 1
        self._candidates, self._shown = {}, {}
        return "extract" if self._ended < len(self._sessions) else self._next_question()

    def _next_question(self) -> str | None:
        if self._asked == len(self.episode.questions):
            return None
        self._shown = {record.id: record for record, _ in self.bank.search(self._question.text, self.retrieve_k)}
        return "retrieve"

    def _rests_on(self, candidate: Candidate) -> tuple[str, ...]:
        return candidate.source or attribute_source(candidate.value, self._session.turns)

    def _time(self) -> list[Block]:
        return [Block("time", self._session.time)] if self._session.time else []

    def _budget(self) -> list[Block]:
        if self.memory_tokens is None:
            return []
        used = sum(self.counter.count(record.text) for record in self.bank.get_all())
        return [self._budget_block(self.memory_tokens, used)]

    def _instruction_texts(self) -> dict[str, str]:
        return {
            "extract": EXTRACT,
            "update": UPDATE,
            "retrieve": RETRIEVE.format(answer_k=self.answer_k),
            "answer": ANSWER.format(form=FORMS[self._format]),
        }

    @property
    def _session(self) -> Session:
        return self._sessions[self._ended]

    @property
    def _question(self) -> Question:
        return self.episode.questions[self._asked]
