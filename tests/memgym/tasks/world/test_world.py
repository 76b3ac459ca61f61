from __future__ import annotations

from random import Random

import pytest

from memgym.tasks.world import World
from memgym.tasks.world.names import Inventor
from memgym.tasks.world.phrases import SCHEMA
from memgym.tasks.world.relation import NUMBERS


def world(size, seed=0):
    rng = Random(seed)
    return World(rng, Inventor(rng, "train", 0.5), size)


@pytest.mark.parametrize("size", [5, 40, 400])
def test_things_and_values_fit_the_schema(size):
    things = world(size).things
    kinds = {thing.name: thing.kind for thing in things}
    assert len(kinds) == size
    assert {"person", "town"} < set(kinds.values())
    for thing in things:
        assert len(thing.facts) >= 2
        for relation in thing.relations():
            value = thing.facts[relation.name]
            assert value != thing.name
            if relation.target in NUMBERS:
                assert int(value) in range(*NUMBERS[relation.target])
            else:
                assert kinds.get(value, relation.target) == relation.target


@pytest.mark.parametrize("hops", [1, 2, 3, 4])
def test_a_chain_leads_to_its_answer(hops):
    asked = world(60)
    queries = [asked.chain(hops) for _ in range(30)]
    assert len({query.text for query in queries}) == 30
    for query in queries:
        relations = [relation for _, relation in query.used]
        assert len(relations) == hops
        assert asked.follow(query.used[0][0].name, relations) == query.answer
        assert asked.follow(query.used[-1][0].name, relations[-1:]) == query.answer
    assert asked.follow("Nowhere", relations) is None


def test_what_is_asked_of_one_thing_is_told_of_others():
    asked = world(200)
    for _ in range(40):
        thing, relation = asked.chain(2).used[-1]
        told = [other for other in asked.things if other.kind == thing.kind and relation.name in other.facts]
        assert len(told) >= 5


def test_comparisons_compare():
    asked = world(60)
    for _ in range(30):
        query = asked.comparison(yes_no=False)
        (one, relation), (other, same) = query.used
        assert relation is same
        values = {int(thing.facts[relation.name]): thing.name for thing in (one, other)}
        pattern = query.text.replace(one.name, "{a}").replace(other.name, "{b}")
        assert pattern in (relation.less if query.answer == values[min(values)] else relation.more)
    answers = [asked.comparison(yes_no=True).answer for _ in range(60)]
    assert 15 < answers.count("yes") < 45


def test_a_small_world_runs_out_of_questions():
    small = world(5)
    while small.comparison(yes_no=False):
        pass
    assert small.chain(1)
    kinds = [thing.kind for thing in small.things]
    assert kinds.count("person") == 2
    assert set(kinds) < set(SCHEMA)
