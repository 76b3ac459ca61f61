"""The shape of a result file, checked before anything is read out of it."""

from __future__ import annotations

from typing import Any

from memgym.errors import DataError

_NUMBER = (int, float)
_SCORE = {"mean": _NUMBER, "low": _NUMBER, "high": _NUMBER}
_ANSWER = {"question_id": str, "category": str, "answer": str, "scores": {"answer": _NUMBER}}
_STEP = {
    "phase": str,
    "action": (str, type(None)),
    "action_error": str,
    "overflow": bool,
    "reward": _NUMBER,
    "rewards": {"format": _NUMBER},
    "answers": [_ANSWER],
    "observation_tokens": int,
    "action_tokens": int,
}
_ENTRY = {
    "name": str,
    "env_id": str,
    "kwargs": dict,
    "split": str,
    "episodes": int,
    "trials": int,
    "env_spec": str,
    "task_fingerprint": str,
    "judge": (dict, type(None)),
    "results": [{"trial": int, "index": int, "episode_id": str, "steps": [_STEP]}],
}
RESULT = {
    "policy": {"entry_point": str, "options": dict, "privileged": bool},
    "suite": str,
    "left_out": list,
    "seed": int,
    "packages": dict,
    "summary": {"answer": _SCORE, "entries": dict},
    "entries": [_ENTRY],
}
_SUMMARY = {"answer": _SCORE, "format": _NUMBER, "tokens": int}


def check_result(result: dict[str, Any], where: str) -> None:
    """Check that everything is there that the table and the verification read.

    Raises:
        DataError: something is missing or of another type.
    """
    _check(result, RESULT, where)
    if not result["entries"]:
        raise DataError(f"{where}: field 'entries' is empty")
    for i, entry in enumerate(result["entries"]):
        if not entry["results"]:
            raise DataError(f"{where}: field 'entries[{i}].results' is empty")
        _check(result["summary"]["entries"], {entry["name"]: _SUMMARY}, where, "summary.entries")


def _check(value: Any, shape: Any, where: str, field: str = "") -> None:
    if isinstance(shape, dict):
        _check_type(value, dict, where, field)
        for name, inner in shape.items():
            path = f"{field}.{name}".lstrip(".")
            if name not in value:
                raise DataError(f"{where}: field {path!r} is missing")
            _check(value[name], inner, where, path)
    elif isinstance(shape, list):
        _check_type(value, list, where, field)
        for i, item in enumerate(value):
            _check(item, shape[0], where, f"{field}[{i}]")
    else:
        _check_type(value, shape, where, field)


def _check_type(value: Any, kind: type | tuple[type, ...], where: str, field: str) -> None:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DataError(f"{where}: field {field!r} cannot be {value!r:.60}")
