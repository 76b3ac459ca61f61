"""The page in a real browser: it sorts, filters, steps through an episode, and asks for nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memgym.leaderboard.board import make_board
from memgym.leaderboard.curves import Curve
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result
from memgym.leaderboard.page import render_page
from memgym.leaderboard.page.content import Views
from memgym.leaderboard.page.trajectories import view_row
from memgym.leaderboard.standing import Standing
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import SUITES
from memgym.leaderboard.trust import STRICT
from tests.memgym.leaderboard.conftest import Changed

pytest.importorskip("jinja2", reason="the page needs the extra board")
webdriver = pytest.importorskip("selenium.webdriver", reason="the page is opened by Selenium")

PAIR = Suite(
    "pair-v0",
    "for tests",
    (
        SuiteEntry(
            "bank", "memgym/MemoryBank-v1", {"task": "persona", "difficulty": "easy", "questions": 2}, "test", 3
        ),
        SuiteEntry("short", "memgym/Longcontext-v1", {"task": "multihop", "length": 600}, episodes=3),
        SuiteEntry("long", "memgym/Longcontext-v1", {"task": "multihop", "length": 6000}, episodes=3),
    ),
)
EVIL = "</script><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
PLAYERS = ("Lexical", "KeepAll", "NoMemory", "Oracle")


@pytest.fixture(scope="module")
def results() -> list[Result]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUITES, PAIR.name, PAIR)
        return [evaluate(f"baselines:{name}", PAIR) for name in PLAYERS]


def page_of(results: list[Result], **views: Any) -> str:
    groups = make_board(results, [Standing.replayed] + [Standing.claimed] * (len(results) - 1))
    shown = Views(**views)
    rows = {(0, place): view_row(row, shown.pool, 2, STRICT, {}) for place, row in enumerate(groups[0].rows)}
    return render_page(groups, Views(rows, shown.pool, shown.curves))


@pytest.fixture(scope="module")
def page(results: list[Result], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page_of(results, curves=[Curve("run", "reward/mean", [(1, 0.1), (2, 0.4)])]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver, browser = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or browser is None:
        pytest.skip("there is no Chromium with its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield found
    finally:
        found.quit()


@pytest.fixture
def browser(started: Any, page: Path) -> Iterator[Any]:
    """The page as it is opened from a file, in light; afterwards nothing was written to the console or asked for."""
    emulate(started)
    started.get_log("browser"), started.get_log("performance")
    started.get(page.as_uri())
    yield started
    assert started.get_log("browser") == []
    asked = [json.loads(entry["message"])["message"] for entry in started.get_log("performance")]
    urls = {event["params"]["request"]["url"] for event in asked if event["method"] == "Network.requestWillBeSent"}
    assert {url for url in urls if not url.startswith("data:")} <= {page.as_uri()}


def emulate(browser: Any, width: int = 1280, scheme: str = "light") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def find(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def texts(browser: Any, selector: str) -> list[str]:
    return [found.text for found in browser.find_elements("css selector", selector) if found.is_displayed()]


def names(browser: Any) -> list[str]:
    return [text.split()[0].split("\n")[0] for text in texts(browser, ".board tbody th")]


def choose(browser: Any, selector: str, text: str) -> None:
    from selenium.webdriver.support.ui import Select

    Select(find(browser, selector)).select_by_visible_text(text)


def press(browser: Any, selector: str) -> None:
    found = find(browser, selector)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    found.click()


def test_the_table_sorts_by_each_heading_by_mouse_and_keyboard(browser: Any) -> None:
    assert names(browser)[0] == "Oracle*"
    press(browser, ".board th:nth-child(2) button")
    assert names(browser) == [*sorted(PLAYERS[:3]), "Oracle*"] or names(browser) == [
        "KeepAll",
        "Lexical",
        "NoMemory",
        "Oracle*",
    ]
    find(browser, ".board th:nth-child(2) button").send_keys("\ue007")  # Enter
    assert names(browser)[0] == "Oracle*"
    assert find(browser, ".board th:nth-child(2)").get_attribute("aria-sort") == "descending"
    press(browser, ".board th:nth-child(4) button")
    tokens = [
        float(found.get_attribute("data-value"))
        for found in browser.find_elements("css selector", ".board td:nth-child(4)")
    ]
    assert tokens == sorted(tokens, reverse=True)


def test_the_table_filters_by_words(browser: Any) -> None:
    find(browser, "#filter").send_keys("lex")
    assert names(browser) == ["Lexical"]
    assert len(texts(browser, "#heat tbody tr")) == 1
    find(browser, "#filter").clear()
    find(browser, "#filter").send_keys("nobody")
    assert names(browser) == []
    assert texts(browser, ".suite .none") == ["No policy matches the filter."]


def test_scores_by_entry_can_be_chosen(browser: Any) -> None:
    before = texts(browser, "#heat tbody td")
    assert len(before) == 12
    choose(browser, "#score", "memory_recall")
    assert texts(browser, "#heat tbody td") != before


def test_charts_are_drawn_with_names(browser: Any) -> None:
    for chart in ("cost", "length", "loss", "curve"):
        drawn = find(browser, f"#{chart} svg[role=img]")
        assert drawn.get_attribute("aria-label")
    assert len(browser.find_elements("css selector", "#cost [aria-label=dot] circle")) == 4
    assert "never extracted" in find(browser, "#loss").get_attribute("textContent")


def test_a_trajectory_is_stepped_through(browser: Any) -> None:
    choose(browser, "#v-row", "Lexical")
    choose(browser, "#v-entry", "bank")
    assert texts(browser, "#where") == ["Step 1 of 32: extract"] or re.match(
        r"Step 1 of \d+: extract", find(browser, "#where").text
    )
    assert texts(browser, "#memory") == ["Empty."]
    press(browser, "#next")
    assert "added" in find(browser, "#memory .item .mark").text
    assert re.match(r"Step 2 of \d+: update", find(browser, "#where").text)
    assert find(browser, "#at").get_attribute("aria-valuetext") == find(browser, "#where").text
    find(browser, "#observation").send_keys("\ue010")  # End
    answered = find(browser, "#verdict").text
    assert "Question: " in answered
    assert "Right: " in answered
    assert "retrieved" in {mark.text for mark in browser.find_elements("css selector", "#memory .mark")}
    find(browser, "#observation").send_keys("\ue011")  # Home
    assert re.match(r"Step 1 of", find(browser, "#where").text)


def test_a_wrong_answer_says_where_it_was_lost_and_marks_the_evidence(browser: Any) -> None:
    choose(browser, "#v-row", "NoMemory")
    choose(browser, "#v-entry", "short")
    press(browser, "#wrong")
    assert "lost: never extracted" in find(browser, "#verdict").text
    choose(browser, "#v-row", "KeepAll")
    choose(browser, "#v-entry", "bank")
    marks = set()
    for _ in range(10):
        press(browser, "#next")
        marks |= {mark.text for mark in browser.find_elements("css selector", "#observation .mark.gold")}
    assert marks == {"gold evidence"}


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(browser: Any, width: int) -> None:
    emulate(browser, width)
    browser.refresh()
    press(browser, "#wrong")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_dark_is_the_systems_choice_or_the_readers(browser: Any) -> None:
    def brightness() -> int:
        colour = find(browser, "body").value_of_css_property("background-color")
        return sum(map(int, re.findall(r"\d+", colour)[:3]))

    assert brightness() > 600
    press(browser, "#theme")
    assert brightness() < 150
    assert find(browser, "#theme").get_attribute("aria-pressed") == "true"
    emulate(browser, scheme="dark")
    browser.refresh()
    assert brightness() < 150


def test_every_control_has_a_name(browser: Any) -> None:
    for found in browser.find_elements("css selector", "button, input, select, [role=region], [role=img]"):
        assert found.accessible_name, found.get_attribute("outerHTML")


def test_nothing_of_a_file_is_run(results: list[Result], changed: Changed, started: Any, tmp_path: Path) -> None:
    def poison(header: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        header["policy"]["options"] = {"k": EVIL}
        for episode in episodes:
            for step in episode["steps"]:
                step["action"] = EVIL
                for answer in step["answers"]:
                    answer["answer"] = EVIL
                    answer["category"] = EVIL

    path = tmp_path / "evil.html"
    path.write_text(page_of([changed(results[0], poison)]), encoding="utf-8")
    emulate(started)
    started.get(path.as_uri())
    assert started.title == "memgym leaderboard"
    assert started.find_elements("css selector", "img") == []
    assert EVIL in find(started, ".board tbody th").text
    assert find(started, "#action pre").text == EVIL
    assert started.get_log("browser") == []


def test_the_policy_of_the_page_admits_only_its_own_scripts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "Permission to use, copy, modify" in text
