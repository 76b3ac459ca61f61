"""The contributor's guide keeps to the house: its floors, its errands, its links."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / ".github" / "CONTRIBUTING.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def test_the_floors_are_those_of_the_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = [contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers"]
    blocks = re.findall(r"^```(?:\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    (picture,) = [text for text in blocks if "ground" in text]
    drawn = [re.split("  +", line)[0].split(" · ") for line in picture.splitlines()]
    assert drawn == [re.split(r" [|:] ", layer) for layer in layers]


def test_each_errand_has_its_test_and_each_test_its_errand() -> None:
    tests = (ROOT / "tests" / "test_errands.py").read_text(encoding="utf-8")
    assert set(re.findall(r"`(test_\w+)`", TEXT)) == set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http|#)([^)#]+)", TEXT)
    assert links
    for link in links:
        assert (GUIDE.parent / link).exists(), link


def test_the_examples_worth_imitating_are_small() -> None:
    style = TEXT.partition("## Style")[2].partition("\n## ")[0]
    examples = re.findall(r"\]\(([^)]+\.py)\)", style)
    assert len(examples) == 2
    assert all(len((GUIDE.parent / example).read_text().splitlines()) < 150 for example in examples)
