import copy
import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from memgym.bank import graph as graph_module
from memgym.bank.graph import Graph, Links
from memgym.bank.index import VectorIndex
from memgym.errors import MissingExtraError

DIM = 32


def unit_vectors(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute_force(content: dict[int, np.ndarray], query: np.ndarray, k: int) -> list[tuple[int, float]]:
    scored = [(key, round(float(vector.astype(float) @ query.astype(float)), 6)) for key, vector in content.items()]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]


def recall(index: VectorIndex, content: dict[int, np.ndarray], k: int = 10) -> float:
    """Check that what is found is sound, and return how much of the true ``k`` nearest it is."""
    hits = []
    for query in unit_vectors(50, seed=99):
        keys, scores = index.search(query, k)
        truth = brute_force(content, query, k)
        assert len(set(keys)) == len(truth)
        assert scores == pytest.approx([content[key].astype(float) @ query for key in keys], abs=1e-6)
        assert scores == sorted(scores, reverse=True)
        hits.append(len(set(keys) & {key for key, _ in truth}) / len(truth))
    return float(np.mean(hits))


def filled(count: int, exact_limit: int) -> tuple[VectorIndex, dict[int, np.ndarray]]:
    index, vectors = VectorIndex(DIM, exact_limit), unit_vectors(count, seed=1)
    index.add(range(count), vectors)
    return index, dict(enumerate(vectors))


@pytest.mark.parametrize("k", [1, 7, 300, 1000])
def test_small_index_is_exact(k):
    index, content = filled(300, exact_limit=300)
    for query in unit_vectors(20, seed=2):
        assert list(zip(*index.search(query, k), strict=True)) == brute_force(content, query, k)


def test_ties_are_ordered_by_key_also_at_the_cut():
    vector = unit_vectors(1, seed=1)
    index = VectorIndex(DIM)
    index.add([5, 3, 9, 1], np.repeat(vector, 4, axis=0))
    assert index.search(vector[0], 2) == ([1, 3], [1.0, 1.0])


def test_ties_within_rounding_are_ordered_by_key_also_at_the_cut():
    cosines = np.array([0.5, 0.5 + 2e-7], np.float32)
    index = VectorIndex(2)
    index.add([1, 2], np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1))
    assert index.search(np.array([1, 0], np.float32), 1) == ([1], [0.5])


def test_empty_index_finds_nothing():
    assert VectorIndex(DIM).search(unit_vectors(1, seed=1)[0], 3) == ([], [])


def test_graph_finds_nearly_all(hnsw):
    assert recall(*filled(4000, exact_limit=500)) > 0.95


def test_same_content_gives_same_results_whether_added_at_once_or_one_by_one(hnsw):
    at_once, content = filled(1500, exact_limit=200)
    one_by_one = VectorIndex(DIM, exact_limit=200)
    query = unit_vectors(1, seed=5)[0]
    for key, vector in content.items():
        one_by_one.add([key], vector[None])
        if key % 100 == 0:
            one_by_one.search(query, 1)
    assert recall(one_by_one, content) > 0.95
    assert one_by_one.search(query, 5) == at_once.search(query, 5)


def test_removed_vectors_never_return_and_live_ones_still_do(hnsw):
    index, content = filled(4000, exact_limit=500)
    query = unit_vectors(1, seed=7)[0]
    nearest = [key for key, _ in brute_force(content, query, 600)]
    index.search(query, 1)
    index.remove(nearest)  # the whole neighbourhood dies
    for key in nearest:
        del content[key]
    keys, _ = index.search(query, 20)
    assert len(keys) == 20
    assert not set(keys) & set(nearest)
    assert recall(index, content) > 0.95


def test_all_live_vectors_are_found_when_few_are_left(hnsw):
    index, content = filled(2000, exact_limit=500)
    index.search(content[0], 1)
    for key in range(1990):
        index.remove([key])
        del content[key]
    assert recall(index, content, k=15) == 1.0
    assert len(index.vectors([1995])) == 1


def test_forks_do_not_see_each_other(hnsw):
    parent, content = filled(1200, exact_limit=1100)
    family = [(parent, content), *((parent.fork(), dict(content)) for _ in range(3))]
    for turn in range(6):  # in turns, so that the shared matrix is contended
        for number, (index, own) in enumerate(family):
            keys = range(1200 + 200 * turn, 1400 + 200 * turn)
            vectors = unit_vectors(200, seed=10 + number + 10 * turn)
            index.add(keys, vectors)
            own.update(zip(keys, vectors, strict=True))
            victims = list(own)[number :: 40 + turn]
            index.remove(victims)
            for key in victims:
                del own[key]
            index.search(vectors[0], 1)
    for index, own in family:
        assert len(index) == len(own)
        assert len(index._graphs) == 2  # the shared one, and one of its own
        assert recall(index, own) > 0.95
        np.testing.assert_array_equal(index.vectors(list(own)), list(own.values()))


def test_forks_contend_for_the_spare_room_of_their_matrix():
    parent, content = filled(10, exact_limit=100)
    parent.add([10], unit_vectors(1, seed=2))  # leaves room for nine more
    child = parent.fork()
    ours, theirs = unit_vectors(2, seed=3)[:, None]
    parent.add([11], ours)
    child.add([11], theirs)
    np.testing.assert_array_equal(parent.vectors([11]), ours)
    np.testing.assert_array_equal(child.vectors([11]), theirs)
    np.testing.assert_array_equal(child.vectors(range(10)), list(content.values()))


def test_dead_vectors_are_cleared_away():
    index, _ = filled(20, exact_limit=20)
    for turn in range(1000):
        index.remove([7])
        index.add([7], unit_vectors(1, seed=turn))
    assert index._count <= 60
    assert len(index) == 20


def test_fork_of_a_fork_outlives_both(hnsw):
    parent, content = filled(600, exact_limit=200)
    child = parent.fork().fork()
    parent.remove(list(range(600)))
    parent.add([0], unit_vectors(1, seed=3))
    assert recall(child, content) > 0.95


def lived(exact_limit: int) -> VectorIndex:
    """An index with dead slots and a tail; beyond 300, graphs: a shared one, and one of its own that will grow."""
    index, _ = filled(400, exact_limit)
    index.search(unit_vectors(1, seed=2)[0], 3)
    index = index.fork()
    index.remove(range(0, 400, 7))
    index.add(range(400, 800), unit_vectors(400, seed=3))
    index.search(unit_vectors(1, seed=2)[0], 3)
    index.add(range(800, 850), unit_vectors(50, seed=4))
    index.remove([801, 5, 410])
    return index


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda index: pickle.loads(pickle.dumps(index))}


def everything(index: VectorIndex, k: int = 10) -> list:
    keys = [key for key in range(2000) if key in index._slots]
    return [index.vectors(keys).tobytes(), [index.search(query, k) for query in unit_vectors(100, seed=9)]]


@pytest.mark.parametrize("exact_limit", [100, 10_000])
@pytest.mark.parametrize("way", COPIES)
def test_a_copy_goes_on_as_the_original(monkeypatch, request, way, exact_limit):
    if exact_limit == 100:
        request.getfixturevalue("hnsw")
        monkeypatch.setattr(graph_module, "EF", 4)  # so that a graph that is not the same finds something else
        monkeypatch.setattr(graph_module, "M", 4)
    index = lived(exact_limit)
    twin = COPIES[way](index)
    assert len(index._graphs) == (2 if exact_limit == 100 else 0)
    assert everything(twin, 4) == everything(index, 4)
    for number in range(3):
        for one in (index, twin):
            one.add(range(900 + 80 * number, 980 + 80 * number), unit_vectors(80, seed=20 + number))
            one.remove(list(one._slots)[number::50])
        assert everything(twin, 4) == everything(index, 4)
    before = everything(index)
    victims = list(twin._slots)[::30]
    twin.remove(victims)
    twin.add(victims[:1], unit_vectors(1, seed=30))
    assert everything(index) == before


def test_a_pickle_leaves_the_original_as_it_was(hnsw):
    used, unused = lived(100), lived(100)
    pickle.dumps(used)
    for index in (used, unused):
        index.add(range(900, 1100), unit_vectors(200, seed=6))
    assert everything(used) == everything(unused)
    assert [(g.start, g.stop) for g in used._graphs] == [(g.start, g.stop) for g in unused._graphs]


def test_without_hnswlib_an_index_stays_small(monkeypatch):
    monkeypatch.setitem(sys.modules, "hnswlib", None)
    index, content = filled(300, exact_limit=300)
    with pytest.raises(MissingExtraError, match=r"more than 300 records needs the extra .*\[hnsw\]'"):
        index.add([300], unit_vectors(1, seed=2))
    for key in range(1000):  # dead slots do not count
        index.remove([key % 300])
        content[key % 300] = unit_vectors(1, seed=key)[0]
        index.add([key % 300], content[key % 300][None])
    assert recall(index, content) == 1.0


def test_without_hnswlib_no_large_index_comes_out_of_a_pickle(monkeypatch, hnsw):
    data = [pickle.dumps(lived(100)), pickle.dumps(filled(101, 100)[0])]  # the second has no graph yet
    monkeypatch.setitem(sys.modules, "hnswlib", None)
    for content in data:
        with pytest.raises(MissingExtraError, match=r"\[hnsw\]"):
            pickle.loads(content)
    assert len(pickle.loads(pickle.dumps(filled(100, 100)[0]))) == 100


def play_through(limit: int, between: Callable[[VectorIndex], VectorIndex]) -> VectorIndex:
    """A long life with forks, removals and compactions; after each of its changes, something is done."""
    index = VectorIndex(DIM, limit)
    for turn in range(12):
        index.add(range(100 * turn, 100 * turn + 100), unit_vectors(100, seed=turn))
        index = between(index)
        most = 8 if turn in (4, 5, 6) else 2
        index.remove([key for key in range(max(0, 100 * turn - 50), 100 * turn + 50) if key in index._slots][::-1][:50])
        index.remove([key for key in list(index._slots) if key % 10 < most and key % 3 == 0])
        index = between(index)
        if turn in (3, 9):
            index = index.fork()
    return index


def searched(index: VectorIndex) -> VectorIndex:
    index.search(unit_vectors(1, seed=5)[0], 3)
    return index


@pytest.mark.parametrize("limit", [100, 150, 250])
def test_what_is_found_does_not_hang_on_when_one_searches_or_copies(monkeypatch, hnsw, limit):
    monkeypatch.setattr(graph_module, "EF", 4)
    monkeypatch.setattr(graph_module, "M", 4)
    quiet = play_through(limit, lambda index: index)
    for way in (searched, COPIES["pickle"]):
        other = play_through(limit, way)
        assert everything(other, 4) == everything(quiet, 4)
        assert len(other._graphs) == len(quiet._graphs) > 0


def test_a_graph_out_of_a_pickle_is_not_built_again(monkeypatch, hnsw):
    index = lived(100)
    data = pickle.dumps(index)
    graph_module._multiplier()
    monkeypatch.setattr(Graph, "extend", None)
    assert [(graph.start, graph.stop) for graph in pickle.loads(data)._graphs] == [(0, 400), (400, 850)]


def test_a_graph_that_cannot_be_continued_is_built_again_and_is_the_same(monkeypatch, hnsw):
    monkeypatch.setattr(graph_module, "EF", 4)
    monkeypatch.setattr(graph_module, "M", 4)
    index = lived(100)
    data = pickle.dumps(index)
    monkeypatch.setattr(graph_module, "_multiplier", lambda: None)
    twin = pickle.loads(data)
    for one in (index, twin):
        one.add(range(900, 1400), unit_vectors(500, seed=7))
    assert everything(twin, 4) == everything(index, 4)


def test_an_interrupt_leaves_a_graph_that_goes_on(monkeypatch, hnsw):
    monkeypatch.setattr(graph_module, "M", 4)
    whole, content = filled(1500, exact_limit=200)
    cut, _ = filled(1500, exact_limit=200)

    def two_parts(*bounds: int) -> Iterator[int]:
        yield from range(*bounds)[:2]
        raise KeyboardInterrupt

    monkeypatch.setattr(graph_module, "range", two_parts, raising=False)
    with pytest.raises(KeyboardInterrupt):
        cut.settle()
    monkeypatch.delattr(graph_module, "range")
    assert 0 < cut._graphs[0].stop < 1500
    assert everything(cut) == everything(whole)
    assert recall(cut, content) > 0.9


def links() -> Links:
    """The links of a graph that has more than one level."""
    index, _ = filled(400, exact_limit=100)
    index.settle()
    return index._graphs[0].links()


def changed(array: np.ndarray, place: tuple[int, ...], value: int) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda was: {"levels": was.levels[:-1]}, "instead of"),
        (lambda was: {"levels": was.levels.astype(np.int64)}, "int64"),
        (lambda was: {"base": was.base[:, :-1]}, "instead of"),
        (lambda was: {"upper": was.upper[:-1]}, "instead of"),
        (lambda was: {"entry": 400}, "begins at 400"),
        (lambda was: {"entry": -1}, "begins at -1"),
        (lambda was: {"entry": "0"}, "begins at '0'"),
        (lambda was: {"entry": int(was.levels.argmin())}, "highest level"),
        (lambda was: {"base": changed(was.base, (7, 0), 65)}, "to no vector"),
        (lambda was: {"base": changed(was.base, (7, 0), 2**31)}, "to no vector"),
        (lambda was: {"base": changed(was.base, (7, 1), 400)}, "to no vector"),
        (lambda was: {"upper": changed(was.upper, (0, 1), 400)}, "to no vector"),
        (lambda was: {"upper": changed(was.upper, (0, 1), int(was.levels.argmin()))}, "not on that level"),
    ],
)
def test_links_that_lead_astray_are_refused(hnsw, damage, message):
    sound = links()
    sound.check()
    assert sound.levels.max() > 0
    with pytest.raises(ValueError, match=message):
        replace(sound, **damage(sound)).check()


def test_an_index_that_cannot_be_is_not_restored(hnsw):
    index, _ = filled(400, exact_limit=100)
    index.settle()
    state = index.state()
    for wrong in (
        {"keys": state.keys[:-1]},
        {"keys": np.zeros(400, np.int64)},
        {"graphs": ((5, state.graphs[0][1]),)},
        {"graphs": state.graphs * 2},
    ):
        with pytest.raises(ValueError, match=r"400 vectors"):
            VectorIndex.restored(replace(state, **wrong))
