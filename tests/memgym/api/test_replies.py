from __future__ import annotations

import json

import pytest

from memgym.api.replies import FAULTS, Reply, StreamReader, read_choice, read_vectors, told_error


def choice(**message) -> str:
    return json.dumps({"choices": [{"message": message}]})


def test_thoughts_in_parts_are_no_text():
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "yes"}]
    assert read_choice(choice(content=parts)) == Reply("yes")


@pytest.mark.parametrize("message", [{}, {"content": None}, {"content": []}, {"content": None, "refusal": None}])
def test_no_content_is_an_empty_reply(message):
    assert read_choice(choice(**message)).text == ""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"error": {"message": "busy", "code": 429}}', (429, '{"message": "busy", "code": 429}')),
        ('{"error": "down", "choices": null}', (500, '"down"')),
        ('[{"error": {"code": 400}}]', (400, '{"code": 400}')),
        ('{"error": {"code": "odd"}}', (500, '{"code": "odd"}')),
        ('{"error": {"code": 200}}', (500, '{"code": 200}')),
        ('{"choices": [{"error": {"code": 502}, "message": {"content": ""}}]}', (502, '{"code": 502}')),
        ('{"error": null, "choices": [{"message": {"content": "a"}}]}', None),
        ('{"choices": [{"message": {"content": "an \\"error\\""}}]}', None),
        ('{"error"', None),
        ("", None),
    ],
)
def test_an_error_in_place_of_a_reply_is_found(body, told):
    assert told_error(body) == told


def vectors(*items) -> str:
    return json.dumps({"data": list(items)})


def test_vectors_come_in_the_order_of_the_texts():
    one, two = {"embedding": [1, 2.5]}, {"embedding": [3, 4]}
    assert read_vectors(vectors({**two, "index": 1}, {**one, "index": 0}), 2) == [[1.0, 2.5], [3.0, 4.0]]
    assert read_vectors(vectors(one, two), 2) == [[1.0, 2.5], [3.0, 4.0]]  # no index: they are in order
    assert read_vectors(vectors(one, {**two, "index": 1}), 2) == [[1.0, 2.5], [3.0, 4.0]]  # 0 is not written


@pytest.mark.parametrize(
    "items",
    [
        [{"embedding": [1], "index": 0}, {"embedding": [1], "index": 0}],
        [{"embedding": [1], "index": 1}, {"embedding": [1], "index": 2}],
        [{"embedding": [1], "index": 0}],
        [{"embedding": [1], "index": "0"}, {"embedding": [1], "index": 1}],
        [{"embedding": [1]}] * 3,
        [{"embedding": ["1"]}] * 2,
        [{"embedding": [True]}] * 2,
        [{"embedding": [10**400]}] * 2,
        [{"embedding": [None]}] * 2,
        [{"embedding": "AAAA"}] * 2,
        [{}] * 2,
        [None] * 2,
    ],
)
def test_vectors_of_which_it_is_not_clear_whose_they_are_or_that_are_no_numbers(items):
    with pytest.raises(FAULTS):
        read_vectors(vectors(*items), 2)


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_stream_may_be_cut_anywhere(step, end):
    events = [
        ": a comment",
        'data: {"choices": [{"delta": {"role": "assistant"}}]}',
        'data:{"choices": [{"delta": {"content": "é\\n"}}]}',
        'data: {"choices": [{"delta": {"content": [{"type": "text", "text": "b"}]}}]}',
        'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}',
        'data: {"choices": [], "usage": {"n": 3, "price": 0.1}}',
        "data: [DONE]",
        'data: {"choices": [{"delta": {"content": "never read"}}]}',
    ]
    body = "".join(event + 2 * end for event in events).encode()
    reader = StreamReader()
    heard = [text for i in range(0, len(body), step) for text in reader.feed(body[i : i + step])]
    assert heard == ["é\n", "é\nb"]
    assert (reader.text, reader.finish_reason, reader.usage, reader.error) == ("é\nb", "stop", {"n": 3}, "")


def test_a_refusal_is_streamed_like_a_text():
    reader = StreamReader()
    assert list(reader.feed(b'data: {"choices": [{"delta": {"refusal": "No."}}]}\n\n')) == ["No."]


def test_an_error_ends_a_stream():
    reader = StreamReader()
    body = b'data: {"choices": [{"error": {"code": 502}, "delta": {"content": ""}}]}\ndata: {"choi\n'
    assert list(reader.feed(body)) == []
    assert reader.error == '{"code": 502}'


def test_counts_that_no_record_can_hold_are_left_out():
    usage = {"tokens": 3, "cost": 0.1, "odd": -1, "huge": 2**60, "true": True, "\ud800": 1, "n" * 100: 1, "x": {"y": 1}}
    body = {"choices": [{"message": {"content": "a"}}], "usage": usage}
    assert read_choice(json.dumps(body)).usage == {"tokens": 3}
    body["usage"] = {str(i): i for i in range(1000)}
    assert len(read_choice(json.dumps(body)).usage) == 50
