"""The rollout buffer: a TensorDict with one row per model call.

===================  =========  =======  ==================================================================
key                  shape      dtype    meaning
===================  =========  =======  ==================================================================
``prompt_ids``       ``[N,P]``  int64    prompt tokens, padded left
``prompt_mask``      ``[N,P]``  bool     True at prompt tokens
``response_ids``     ``[N,R]``  int64    sampled tokens, padded right
``response_mask``    ``[N,R]``  bool     True at action elements (tokens, or picks of a ranker)
``sampler_log_prob`` ``[N,R]``  float32  log-probability of each element under the sampler, in nats
``rewards``          ``[N,K]``  float32  reward components paid after this call
``reward``           ``[N]``    float32  their weighted sum
``group_id``         ``[N]``    int64    the task instance: rollouts of one group are compared with each other
``episode_id``       ``[N]``    int64    the trajectory; each belongs to one group
``turn_id``          ``[N]``    int64    order of the call in its trajectory
``phase_id``         ``[N]``    int64    the kind of call
``finish_reason``    ``[N]``    int64    :data:`STOP` or :data:`LENGTH` (cut off at the token limit)
``policy_version``   ``[N]``    int64    number of updates the sampling weights had seen
===================  =========  =======  ==================================================================

The three token keys come together or not at all: a policy that is no language model brings its own inputs instead, as
further keys of leading size N. ``sampler_log_prob`` may be absent (demonstrations). Optional keys with a meaning here:
``anchor [N]`` int64 (equal for equal states; step credit), ``weight [N]`` (imitation), ``old_log_prob`` and
``ref_log_prob`` ``[N,R]``, ``advantage [N]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import groupby
from math import prod
from pathlib import Path
from typing import Any

import torch
from tensordict import TensorDict
from torch import Tensor

from grpo.errors import RolloutError
from grpo.prefixes import shared_prefixes, unpadded

STOP, LENGTH = 0, 1

TOKENS = ("prompt_ids", "prompt_mask", "response_ids")
SCALARS = ("group_id", "episode_id", "turn_id", "phase_id", "finish_reason", "policy_version")
REQUIRED = ("response_mask", "rewards", "reward", *SCALARS)
_LOG_PROBS = ("sampler_log_prob", "old_log_prob", "ref_log_prob")
_PER_ELEMENT = ("response_ids", "response_mask", *_LOG_PROBS)
_PER_PROMPT_TOKEN = ("prompt_ids", "prompt_mask")
_SAME_SHAPE = ("rewards", "reward", *SCALARS)
_DEFAULTS = {"turn_id": 0, "phase_id": 0, "finish_reason": STOP, "policy_version": 0}
_DTYPES = (
    dict.fromkeys(("prompt_ids", "response_ids", *SCALARS), torch.int64)
    | dict.fromkeys(("prompt_mask", "response_mask"), torch.bool)
    | dict.fromkeys(("rewards", "reward", *_LOG_PROBS), torch.float32)
)


def from_rows(rows: Sequence[Mapping[str, Any]], pad_id: int = 0) -> TensorDict:
    """Build a buffer from rows of plain Python values or tensors, padding prompts left and all else right.

    Args:
        rows: One mapping per model call, all with the same keys: ``rewards`` (a list), ``reward``, ``group_id`` and
            ``episode_id``; ``turn_id``, ``phase_id``, ``finish_reason`` and ``policy_version`` default to 0. The row of
            a language model has ``prompt_ids`` and ``response_ids``; any other has ``response_mask`` (a list, True at
            action elements) and the policy's own inputs. ``sampler_log_prob`` has a value for each element. Further
            keys are stacked as they are; where their first axis is ragged, it is padded with zeros (False) at its end.
        pad_id: The token id of padding; masked everywhere, so any valid id will do.

    Raises:
        RolloutError: naming the row and the key.
    """
    if not rows:
        raise RolloutError("a rollout buffer needs at least one row")
    filled = [{**_DEFAULTS, **row} for row in rows]
    for index, row in enumerate(filled):
        for key in filled[0].keys() ^ row.keys():
            raise RolloutError(f"row {index}: key {key!r} is in some rows only; give it in all or none")
    completed = [_complete(index, row) for index, row in enumerate(filled)]
    columns = {key: _stack(key, [row[key] for row in completed], pad_id) for key in completed[0]}
    return validate(TensorDict(columns, batch_size=[len(rows)]))


def _complete(index: int, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its masks; what is missing, or of another length than the response, is named."""
    has_tokens = "prompt_ids" in row or "response_ids" in row
    for key in (*(("prompt_ids", "response_ids") if has_tokens else ("response_mask",)), *_SAME_SHAPE):
        if key not in row:
            hint = " (or prompt_ids and response_ids, of a language model)" if key == "response_mask" else ""
            raise RolloutError(f"row {index}: key {key!r} is missing{hint}")
    if has_tokens:
        masks = {f"{part}_mask": [True] * _length(index, f"{part}_ids", row) for part in ("prompt", "response")}
        row = {**masks, **row}
    owner = "response_ids" if has_tokens else "response_mask"
    elements = _length(index, owner, row)
    for key in _PER_ELEMENT:
        if key in row and (count := _length(index, key, row)) != elements:
            raise RolloutError(f"row {index}: {key} has {count} values for {elements} of {owner}")
    return row


def _length(index: int, key: str, row: Mapping[str, Any]) -> int:
    try:
        return len(row[key])
    except TypeError:
        raise RolloutError(f"row {index}: key {key!r} is not a list: {row[key]!r}") from None


def _stack(key: str, values: Sequence[Any], pad_id: int) -> Tensor:
    tensors: list[Tensor] = []
    for index, value in enumerate(values):
        try:
            given = torch.as_tensor(value)
            tensors.append(given.to(_DTYPES.get(key, given.dtype)))
        except (TypeError, ValueError, RuntimeError) as error:
            raise RolloutError(f"row {index}: key {key!r} is not numeric: {value!r}") from error
        if not _DTYPES.get(key, torch.float64).is_floating_point and not torch.equal(
            tensors[-1].to(given.dtype), given
        ):
            kind = str(_DTYPES[key]).removeprefix("torch.")
            raise RolloutError(f"row {index}: key {key!r} must be {kind}, not {value!r}")
        ragged = 0 if key in _SAME_SHAPE else 1  # axes that may differ
        shape, first = tensors[-1].shape, tensors[0].shape
        if len(shape) != len(first) or shape[ragged:] != first[ragged:]:
            raise RolloutError(f"row {index}: key {key!r} has shape {list(shape)}, row 0 has {list(first)}")
    width = max(len(tensor) for tensor in tensors) if tensors[0].ndim else None
    return torch.stack([_widen(key, tensor, 0, width, pad_id) for tensor in tensors])


def _widen(key: str, value: Tensor, axis: int, width: int | None, pad_id: int = 0) -> Tensor:
    """Return ``value`` with its ``axis`` padded to ``width``: left for what belongs to a prompt, else right."""
    if width is None or value.shape[axis] == width:
        return value
    missing = width - value.shape[axis]
    pad = (missing, 0) if key in _PER_PROMPT_TOKEN else (0, missing)
    fill = pad_id if key in ("prompt_ids", "response_ids") else 0
    return torch.nn.functional.pad(value, (0, 0) * (value.ndim - axis - 1) + pad, value=fill)


def needed(buffer: TensorDict, key: str, what: str) -> Tensor:
    """Return the entry of an optional key.

    Raises:
        RolloutError: it is missing; ``what`` needs it.
    """
    if key not in buffer:
        raise RolloutError(f"key {key!r} is missing; {what} needs it")
    return buffer[key]


def validate(buffer: TensorDict) -> TensorDict:
    """Return ``buffer`` if it is a sound rollout buffer.

    Raises:
        RolloutError: naming the key and, where one is at fault, the first row.
    """
    if buffer.batch_dims != 1 or buffer.shape[0] == 0:
        raise RolloutError(f"a rollout buffer has batch size [N] with N > 0, not {list(buffer.shape)}")
    for key in REQUIRED:
        if key not in buffer:
            raise RolloutError(f"key {key!r} is missing")
    present = [key for key in TOKENS if key in buffer]
    if present and len(present) < len(TOKENS):
        raise RolloutError(f"{', '.join(TOKENS)} come together or not at all; only {', '.join(present)} given")
    _check_shapes(buffer)
    _check_values(buffer)
    return buffer


def _check_shapes(buffer: TensorDict) -> None:
    for keys, owner in ((_PER_ELEMENT, "response_mask"), (_PER_PROMPT_TOKEN, "prompt_mask")):
        for key in keys:
            if key in buffer and buffer[key].shape != buffer[owner].shape:
                raise RolloutError(
                    f"{key} has shape {list(buffer[key].shape)}, {owner} has {list(buffer[owner].shape)}"
                )
    if buffer["response_mask"].ndim != 2:
        raise RolloutError(f"response_mask has shape {list(buffer['response_mask'].shape)}, expected [N, R]")
    if buffer["rewards"].ndim != 2:
        raise RolloutError(f"rewards has shape {list(buffer['rewards'].shape)}, expected [N, K]")
    for key in ("reward", *SCALARS):
        if buffer[key].ndim != 1:
            raise RolloutError(f"{key} has shape {list(buffer[key].shape)}, expected [N]")
    for key in ("response_mask", "prompt_mask"):
        if key in buffer and buffer[key].dtype != torch.bool:
            raise RolloutError(f"{key} has dtype {buffer[key].dtype}, expected torch.bool")
    for key in (*SCALARS, "prompt_ids", "response_ids"):
        if key in buffer and buffer[key].dtype != torch.int64:
            raise RolloutError(f"{key} has dtype {buffer[key].dtype}, expected torch.int64")


def _check_values(buffer: TensorDict) -> None:
    mask = buffer["response_mask"]
    _fail_first(~mask.any(1), "response_mask", "is empty: every call needs at least one action element")
    if "prompt_mask" in buffer:
        prompt = buffer["prompt_mask"]
        _fail_first((prompt[:, :-1] & ~prompt[:, 1:]).any(1), "prompt_mask", "is not padded on the left")
        _fail_first(~prompt.any(1), "prompt_mask", "is empty: a prompt needs at least one token")
        _fail_first((~mask[:, :-1] & mask[:, 1:]).any(1), "response_mask", "is not padded on the right")
    for key in _LOG_PROBS:
        if key in buffer:
            _fail_first((mask & ~buffer[key].isfinite()).any(1), key, "is not finite")
            _fail_first((mask & (buffer[key] > 1e-3)).any(1), key, "is above 0: these are log-probabilities in nats")
    _fail_first(~buffer["rewards"].isfinite().all(1), "rewards", "is not finite")
    _fail_first(~buffer["reward"].isfinite(), "reward", "is not finite")
    _fail_first(~torch.isin(buffer["finish_reason"], torch.tensor([STOP, LENGTH])), "finish_reason", "is unknown")
    group_of: dict[int, int] = {}
    pairs = zip(buffer["episode_id"].tolist(), buffer["group_id"].tolist(), strict=True)
    strays = torch.tensor([group_of.setdefault(episode, group) != group for episode, group in pairs])
    _fail_first(strays, "group_id", "differs from that of its episode's earlier rows")


def _fail_first(bad: Tensor, key: str, what: str) -> None:
    if bad.any():
        raise RolloutError(f"row {int(bad.nonzero()[0])}: {key} {what}")


def concatenate(buffers: Sequence[TensorDict], renumber: bool = False) -> TensorDict:
    """Join buffers row-wise, padding all to the widest.

    Args:
        buffers: Buffers with the same keys; what is ragged between them is padded as in :func:`from_rows`.
        renumber: Shift group and episode ids, so that equal ids of different buffers stay apart.

    Raises:
        RolloutError: no buffers, or differing keys or shapes.
    """
    if not buffers:
        raise RolloutError("nothing to concatenate")
    for index, buffer in enumerate(buffers):
        for key in set(buffers[0].keys()) ^ set(buffer.keys()):
            raise RolloutError(f"buffer {index}: key {key!r} is in some buffers only")
    names = list(map(str, buffers[0].keys()))
    padded = [key for key in names if buffers[0][key].ndim > 1 and key not in _SAME_SHAPE]
    for index, buffer in enumerate(buffers):
        for key in names:
            ragged = 2 if key in padded else 1
            mine, first = list(buffer[key].shape[ragged:]), list(buffers[0][key].shape[ragged:])
            if buffer[key].ndim != buffers[0][key].ndim or mine != first:
                raise RolloutError(f"buffer {index}: a row of key {key!r} has shape {mine}, in buffer 0 {first}")
    widths = {key: max(buffer[key].shape[1] for buffer in buffers) for key in padded}
    parts, shift = [], {"group_id": 0, "episode_id": 0}
    for buffer in buffers:
        part = {key: _widen(key, buffer[key], 1, widths.get(key)) for key in names}
        for key in shift if renumber else ():
            _, part[key] = part[key].unique(return_inverse=True)
            part[key] = part[key] + shift[key]
            shift[key] = int(part[key].max()) + 1
        parts.append(TensorDict(part, batch_size=buffer.batch_size))
    return TensorDict.cat(parts)


def trim(buffer: TensorDict) -> TensorDict:
    """Return the rows without the columns that are padding in all of them."""
    out = buffer.copy()
    width = int(buffer["response_mask"].any(0).nonzero().max()) + 1
    for key in _PER_ELEMENT:
        if key in out:
            out[key] = buffer[key][:, :width]
    if "prompt_mask" in buffer:
        start = int(buffer["prompt_mask"].any(0).nonzero().min())
        for key in _PER_PROMPT_TOKEN:
            out[key] = buffer[key][:, start:]
    return out


def select(buffer: TensorDict, key: str, ids: Sequence[int] | Tensor) -> TensorDict:
    """Return the rows whose ``key`` (``group_id``, ``episode_id``, ``phase_id``, …) is among ``ids``, in row order.

    Raises:
        RolloutError: naming an id that no row has.
    """
    ids = torch.as_tensor(ids, dtype=buffer[key].dtype)
    missing = ids[~torch.isin(ids, buffer[key])]
    if len(missing):
        raise RolloutError(f"no row has {key} {int(missing[0])}")
    return buffer[torch.isin(buffer[key], ids)]


def save_rollout(buffer: TensorDict, path: str | Path) -> None:
    """Write the buffer as memory-mapped files into the new folder ``path``."""
    if Path(path).exists():
        raise RolloutError(f"{path} exists already")
    buffer.memmap(str(path), copy_existing=True)


def load_rollout(path: str | Path) -> TensorDict:
    """Return the memory-mapped buffer in ``path``; rows are read from disk when they are used.

    Raises:
        RolloutError: no sound buffer at ``path``.
    """
    if not (Path(path) / "meta.json").is_file():
        raise RolloutError(f"{path} holds no saved rollout buffer")
    try:
        for file in Path(path).glob("*.memmap"):  # before they are mapped, which would fill up what is missing
            column = json.loads((Path(path) / "meta.json").read_text(encoding="utf-8"))[file.stem]
            wanted = prod(column["shape"]) * getattr(torch, column["dtype"].removeprefix("torch.")).itemsize
            if file.stat().st_size < wanted:
                raise RolloutError(f"{file} has {file.stat().st_size} bytes, not {wanted}")
        buffer = TensorDict.load_memmap(str(path))
    except Exception as error:  # of whatever kind: the bytes of a damaged file are read as if they meant something
        raise RolloutError(f"{path} is damaged: {error}") from error
    return validate(buffer)


def lengths(buffer: TensorDict) -> tuple[Tensor, Tensor]:
    """Return the numbers of prompt tokens and of action elements per row, both ``[N]``."""
    response = buffer["response_mask"].sum(1)
    prompt = buffer["prompt_mask"].sum(1) if "prompt_mask" in buffer else torch.zeros_like(response)
    return prompt, response


_Batch = tuple[int, int, int, tuple[int, ...]]


def micro_batches(buffer: TensorDict, max_tokens: int, repeat_cost: float | None = None) -> Iterator[Tensor]:
    """Yield row indices ``[n]`` of micro-batches of similar lengths, each within ``max_tokens`` padded tokens.

    A batch of n rows costs n · (longest prompt + longest response). With a ``repeat_cost`` what prompts have in common
    at their beginning costs once per group (see :mod:`grpo.prefixes`), and that part of it for each row; a group's rows
    follow each other, in one batch if they fit into one. A row larger than the bound is a batch of its own.
    Deterministic: sorted by length, ties by row.
    """
    prompt, response = (length.tolist() for length in lengths(buffer))
    group, shared = [0] * len(prompt), [0] * len(prompt)
    if repeat_cost is not None:
        group, shared = shared_prefixes(unpadded(buffer["prompt_ids"], buffer["prompt_mask"]))
    rest = [whole - part for whole, part in zip(prompt, shared, strict=True)]

    empty: _Batch = (0, 0, -1, (0, 0, 0))  # rows, groups, the last one, and widths

    def grown(state: _Batch, row: int) -> _Batch:
        rows, groups, last, widths = state
        own = (shared[row], rest[row], response[row])
        return rows + 1, groups + (group[row] != last), group[row], tuple(map(max, widths, own))

    def fits(state: _Batch) -> bool:
        rows, groups, _, (beginning, end, reply) = state
        return (groups + rows * (repeat_cost or 0)) * beginning + rows * (end + reply) <= max_tokens

    batch: list[int] = []
    state = empty
    order = sorted(range(len(prompt)), key=lambda row: (shared[row], group[row], rest[row], response[row], row))
    for _, members in groupby(order, key=lambda row: group[row]):
        mates = list(members)
        apart = fits(reduce(grown, mates, empty)) and not fits(reduce(grown, mates, state))
        for number, row in enumerate(mates):
            if batch and (not fits(grown(state, row)) or (apart and number == 0)):
                yield torch.tensor(batch)
                batch, state = [], empty
            batch.append(row)
            state = grown(state, row)
    yield torch.tensor(batch)


def statistics(buffer: TensorDict, reward_names: Sequence[str] = ()) -> dict[str, float]:
    """Return counts, lengths, cut-off rate and the distribution of every reward, as plain floats.

    Rewards are per trajectory (summed over its calls): mean, standard deviation, minimum and maximum.
    """
    prompt, response = (length.double() for length in lengths(buffer))
    episodes, inverse = buffer["episode_id"].unique(return_inverse=True)
    names = reward_names or [str(k) for k in range(buffer["rewards"].shape[1])]
    if len(names) != buffer["rewards"].shape[1]:
        raise RolloutError(f"{len(names)} reward names for {buffer['rewards'].shape[1]} reward components")
    columns = torch.cat([buffer["reward"][:, None], buffer["rewards"]], 1).double()
    returns = torch.zeros(len(episodes), columns.shape[1], dtype=torch.float64).index_add(0, inverse, columns)
    out = {
        "rows": float(len(buffer)),
        "episodes": float(len(episodes)),
        "groups": float(len(buffer["group_id"].unique())),
        "tokens": float(prompt.sum() + response.sum()),
        "prompt_length/mean": float(prompt.mean()),
        "response_length/mean": float(response.mean()),
        "response_length/max": float(response.max()),
        "cut_off": float((buffer["finish_reason"] == LENGTH).double().mean()),
    }
    for name, column in zip(["reward", *(f"reward/{name}" for name in names)], returns.T, strict=True):
        out[f"{name}/mean"], out[f"{name}/std"] = float(column.mean()), float(column.std(correction=0))
        out[f"{name}/min"], out[f"{name}/max"] = float(column.min()), float(column.max())
    return out
