"""The task texts: what an observation tells the agent to do in each phase, and in which output format."""

from __future__ import annotations

READ = (
    "You read a long text section by section and can keep only a memory of at most {memory_tokens} tokens. Answer with "
    "the new memory: it replaces the old one, and you will not see this section again. Keep what helps to answer the "
    "question."
)
READ_BLIND = (
    "You read a long text section by section and can keep only a memory of at most {memory_tokens} tokens. Answer with "
    "the new memory: it replaces the old one, and you will not see this section again. Questions about the text follow "
    "at the end."
)
EXTRACT = (
    "Extract from this session what is worth remembering. Answer with JSON: "
    '{"memory_list": [{"key": "short title", "value": "the memory", "memory_type": "…", "tags": ["…"]}]}. '
    'Only "value" is required; "source" may list the ids of the turns that a memory rests on. An empty list keeps '
    "nothing."
)
UPDATE = (
    "Decide what to do with the candidates (c…), given the related memories (m…) in the bank. Answer with JSON: "
    '{"operations": [{"id": "c1", "op": "ADD"}, {"id": "m7", "op": "UPDATE", "value": "the corrected memory"}, '
    '{"id": "m8", "op": "DELETE"}]}. ADD stores a candidate, UPDATE rewrites a memory, DELETE removes one, NOOP does '
    'nothing; "key" and "value" replace the old ones. Candidates that are not named are dropped. One bad operation '
    "voids the whole plan."
)
RETRIEVE = (
    "Choose the memories that help to answer the question. Answer with a JSON list of their ids, best first, e.g. "
    '["m7", "m2"]. The first {answer_k} are kept, and of these {answer_tokens} tokens.'
)
ANSWER = "Answer the question from the memory, in as few words as possible. {form}"

FORMS = {
    "plain": "Write the answer alone. If the memory does not tell, say that it is unknown.",
    "boxed": "Write the answer in \\boxed{}. If the memory does not tell, say that it is unknown.",
    "json": (
        'Answer with JSON: {"answer": "…", "cited_ids": ["m7"]}, citing the memories that the answer rests on. If the '
        "memory does not tell, say that it is unknown."
    ),
}
"""Answer format to what is said of it."""
