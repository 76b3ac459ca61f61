"""A bank of memories kept over many sessions, then asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from memgym.bank import CachedEmbedder, MemoryBank, get_embedder
from memgym.checks import check_int
from memgym.envs.base import MemoryEnv
from memgym.envs.evidence import Evidence, citation_scores, credited, retrieval_scores
from memgym.envs.ledger import Ledger
from memgym.envs.rewards import MEMORY_BANK_REWARDS
from memgym.envs.scores import size_scores
from memgym.episodes import Episode, Question
from memgym.protocol.actions import Answer
from memgym.protocol.bank_protocol import ANSWER_K, ANSWER_TOKENS, RELATED_K, RETRIEVE_K, BankChange, BankProtocol
from memgym.protocol.observation import Block
from memgym.protocol.plans import used_tokens


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
    - **Transition**: deterministic. Per session ``extract``, then ``update`` (where the environment extracts, only if there
      are candidates); then per question ``retrieve`` and ``answer``.
    - **Start**: ``reset(options={"index": i})`` plays episode ``i`` of the split; without an index, ``reset(seed=s)``
      draws one. The bank is empty, but for what operators stored before the agent's first phase.

    ## Spaces
    Observation and action space are both :class:`memgym.protocol.spaces.TextSpace`: any Unicode text. JSON Schemas of the
    actions are in :data:`memgym.protocol.actions.ACTION_SCHEMAS`.

    | phase | state shown | action |
    |---|---|---|
    | `extract` | a session's turns with speakers and time | `{"memory_list": [{"key", "value", "memory_type", "tags"}]}` |
    | `update` | candidates `c1…`, related memories `m7…` | `{"operations": [{"id", "op": "ADD\|UPDATE\|DELETE\|NOOP", "key"?, "value"?}]}` |
    | `retrieve` | question, ``retrieve_k`` memories | a JSON list of ids, best first; the first are kept, up to ``answer_k`` and ``answer_tokens`` |
    | `answer` | question, the kept memories | the answer: plain, `\boxed{}`, or `{"answer", "cited_ids"}` |

    ## Rewards
    Every step emits the same names in ``info["rewards"]`` (floats in [0, 1]); the reward is their sum weighted by
    ``reward_weights``, or their vector. Where operators answer several questions within one step, `answer`
    and the other parts of an answer are means over them.

    {rewards}

    Each question's own scores are in ``info["answers"]``; beside the task's they have the ``reciprocal_rank`` of the
    first memory that rests on evidence, and with the answer format ``json`` the ``citation_f1``.

    A memory rests on the turns that the extraction names in ``source``; if it names none, on the turn of the session
    that shares most words with it. It has the credit of those of which its text states what the question needs, or
    carries something where nothing in particular is needed (:meth:`memgym.scoring.support.Support.evidence`); of what
    is kept for an answer, the text that is shown there counts.

    A bad action leaves the bank as it was (an update plan applies whole or not at all), retrieves or answers nothing,
    scores 0 on `format`, and is explained in ``info["action_error"]``. Memories beyond ``memory_tokens`` are cut and
    flagged in ``info["overflow"]``; a memory costs the tokens of everything that is kept of it: value, key, type, tags
    and source.

    ## Episode end
    Terminates after the last answer; the observation is then ``""``. Never truncates.

    ## Arguments
    Args:
        task: name of the task (``memgym envs`` lists them); its options are further keyword arguments.
        split: split of the task; by default the task's own default.
        phases: the phases that the agent plays; operators play the others.
        extractor: who plays ``extract``: ``verbatim``, ``nothing``, or ``module:Class`` of a policy.
        updater: who plays ``update``: ``add_all``, ``deduplicate``, or ``module:Class``.
        retriever: who plays ``retrieve``: ``top_k``, ``oldest_first``, or ``module:Class``.
        reader: who plays ``answer``: ``supported`` (does the answer follow from what is shown?), ``extractive``,
            ``api:MODEL``, or ``module:Class``.
        retrieve_k: number of memories that the search returns for a question.
        answer_k: number of memories kept for the answer, if ``answer_tokens`` reach so far.
        answer_tokens: how many tokens they may have together, with key, type and tags; the last is cut there.
        related_k: number of related memories shown per candidate in ``update``.
        memory_tokens: budget of the whole bank, all that is kept of its memories counted; None for no limit.
        action_tokens: size of an action that counts as `token_cost` 1.
        embedder: how the bank embeds: ``hash`` (lexical, NumPy only), ``minilm``, ``api:MODEL``.
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
    ``memgym/MemoryBank-v1`` (all phases), ``memgym/MemoryR1Manager-v1`` (``extract``, ``update``; the environment
    retrieves and answers) and ``memgym/RMMReranker-v1`` (``retrieve``; 20 candidates, 5 kept).
    """

    all_phases: ClassVar[tuple[str, ...]] = ("extract", "update", "retrieve", "answer")
    rewards = MEMORY_BANK_REWARDS

    def __init__(
        self,
        task: str = "persona",
        *,
        extractor: str = "verbatim",
        updater: str = "add_all",
        retriever: str = "top_k",
        reader: str = "supported",
        retrieve_k: int = RETRIEVE_K,
        answer_k: int = ANSWER_K,
        answer_tokens: int = ANSWER_TOKENS,
        related_k: int = RELATED_K,
        memory_tokens: int | None = None,
        action_tokens: int = 1024,
        embedder: str = "hash",
        **options: Any,
    ):
        self._extractor = extractor
        operators = {"extract": extractor, "update": updater, "retrieve": retriever, "answer": reader}
        super().__init__(task, operators=operators, **options)
        self.retrieve_k = check_int("retrieve_k", retrieve_k, 1)
        self.answer_k = check_int("answer_k", answer_k, 1)
        self.answer_tokens = check_int("answer_tokens", answer_tokens, 1)
        self.related_k = check_int("related_k", related_k, 1)
        self.memory_tokens = check_int("memory_tokens", memory_tokens, 1, optional=True)
        self.action_tokens = check_int("action_tokens", action_tokens, 1)
        self.embedder = CachedEmbedder(get_embedder(embedder))

    @property
    def waits(self) -> bool:
        """Whether a step may wait on a network: as for every environment, or for the embedder."""
        return super().waits or self.embedder.name.startswith("api:")

    @property
    def bank(self) -> MemoryBank:
        """The memory, of the episode at hand."""
        return self._protocol.bank

    @property
    def stores_turns(self) -> bool:
        """Whether the environment itself extracts every turn as it is, so that what will be embedded is known."""
        return "extract" in self._operators and self._extractor == "verbatim"

    def known_texts(self, episode: Episode) -> list[str]:
        """Return what is embedded in an episode in which every turn is stored: the turns and the questions."""
        turns = [f"{turn.speaker}: {turn.text}" for session in episode.dialogue() for turn in session.turns]
        return [*turns, *(question.text for question in episode.questions)]

    def potentials(self) -> dict[str, float]:
        """Return how good the present bank is against the facts that hold by now, and how it came to be what it is."""
        return dict(self.bank.once(("potentials", self.episode.id, self._ended), self._quality))

    def _quality(self) -> dict[str, float]:
        heard = {turn.id for session in self._sessions[: self._ended] for turn in session.turns}
        texts = [record.text for record in self.bank.get_all()]
        stored = used_tokens(self.bank, self.counter)
        quality = self.support.quality(texts, heard)
        recall = quality["memory_recall"]
        ledger = Ledger(self.episode, self.support, self._sessions[: self._ended], self._changes)
        return quality | size_scores(recall, stored, self._said) | ledger.scores(recall)

    def _begin(self) -> str:
        self._protocol = BankProtocol(
            MemoryBank(embedder=self.embedder),
            retrieve_k=self.retrieve_k,
            answer_k=self.answer_k,
            answer_tokens=self.answer_tokens,
            related_k=self.related_k,
            memory_tokens=self.memory_tokens,
            counter=self._counter_name,
            answer_format=self._format,
        )
        self._sessions = self.episode.dialogue()
        self._said = sum(self.counter.count(text) for _, text in self.episode.passages())
        if self.stores_turns:
            self.embedder.embed(self.known_texts(self.episode))  # in one batch: many times as fast as one by one
        self._ended = 0
        self._changes: tuple[Sequence[BankChange], ...] = ()  # of the bank, by the sessions that have ended
        self._asked = 0
        self._found: dict[str, float] = {}  # how well the present question's evidence was retrieved
        self._protocol.hear(self._sessions[0])
        return "extract"

    def _copy_state(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in ("_sessions", "_said", "_ended", "_changes", "_asked", "_found")}
        return {**state, "_protocol": self._protocol.fork()}

    def _state(self, phase: str) -> list[Block]:
        return self._protocol.state(phase)

    def _instruction(self, phase: str) -> str:
        return self._protocol.instruction(phase)

    def _gold(self, phase: str) -> dict[str, Any]:
        if phase == "answer":
            texts = [record.text for record in self._protocol.shown.values()]
            return {**self._answer_gold(self._question), "follows": self.support.answer(self._question, texts)}
        protocol = self._protocol
        if phase == "retrieve":
            wanted = self._evidence() if self._question.answerable else {}
            return {"relevant": [record.id for record in protocol.shown.values() if credited(record, wanted)]}
        turns = {turn.id for turn in protocol.session.turns}
        evidence = {turn for question in self.episode.questions for turn in question.evidence}
        if phase == "extract":
            asked = {q.text: sorted(turns.intersection(q.evidence)) for q in self.episode.questions}
            return {"evidence": sorted(turns & evidence), "asked": {text: ids for text, ids in asked.items() if ids}}
        telling = turns & (evidence | {fact.source for fact in self.episode.facts})
        told = protocol.candidates.items()
        return {"relevant": [name for name, new in told if telling & {*protocol.rests_on(new)}]}

    def _parse(self, phase: str, action: str) -> Any:
        if phase == "extract":
            return self._protocol.parse_extract(action)
        if phase == "retrieve":
            return self._protocol.parse_retrieve(action)
        if phase == "answer":
            return self._protocol.parse_answer(action)
        plan = self._protocol.parse_update(action)
        self._scores.add("operation_validity", plan.validity)
        return plan.check()

    def _apply(self, phase: str, parsed: Any | None) -> str | None:
        if phase == "extract":
            found = self._protocol.extract(parsed or ())
            # Who extracts and updates plays both in every session: the number of steps, which pay for their format, must
            # not hang on what is extracted.
            return "update" if found or {"extract", "update"} <= {*self.phases} else self._end_session()
        if phase == "update":
            changes, overflow = self._protocol.update(parsed.operations if parsed else ())
            self._scores.overflow |= overflow
            return self._end_session(changes)
        return self._retrieve(parsed or ()) if phase == "retrieve" else self._answer(parsed)

    def _retrieve(self, ids: Sequence[str]) -> str:
        ranked = self._protocol.retrieve(ids)
        self._found = {}
        if self._question.evidence:
            self._found = retrieval_scores(ranked, self._protocol.shown.values(), self._evidence())
            self._scores.add("evidence_recall", self._found["evidence_recall"])
        if self.episode.facts and self._question.answerable:
            shown = [record.text for record in self._protocol.shown.values()]
            self._scores.add("freshness", self.support.freshness(self._question, shown))
        return "answer"

    def _answer(self, answer: Answer | None) -> str | None:
        answer = self._bounded(self._question, answer)
        scores = self._scorer.score(self._question, answer) | self._found
        if self._question.evidence and self._format == "json":
            shown = self._protocol.shown
            cited = citation_scores(answer.cited_ids if answer else (), shown, self._evidence())
            self._scores.add("citation_precision", cited["citation_precision"])
            scores |= cited
        self._scores.add_answer(self._question, answer, scores)
        self._asked += 1
        return self._next_question()

    def _end_session(self, changes: Sequence[BankChange] = ()) -> str | None:
        self._changes = (*self._changes, changes)
        self._ended += 1
        if self._ended == len(self._sessions):
            return self._next_question()
        self._protocol.hear(self._sessions[self._ended])
        return "extract"

    def _next_question(self) -> str | None:
        if self._asked == len(self.episode.questions):
            return None
        self._protocol.ask(self._question.text, self._question.time)
        return "retrieve"

    def _evidence(self) -> Evidence:
        """Return the present question's evidence."""
        return self.support.evidence(self._question)

    @property
    def _question(self) -> Question:
        return self.episode.questions[self._asked]
