"""The documentation pages: rendered from the docstrings without a warning, with every link leading somewhere."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

from memgym.registration import ENVIRONMENTS
from memgym.tasks import TASKS

SCRIPT = Path(__file__).parents[1] / ".github" / "docs" / "render.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages; references that name nothing and warnings end the rendering with an error."""
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    assert done.returncode == 0
    return folder


def test_every_link_leads_to_a_page(folder: Path) -> None:
    pages = sorted(folder.rglob("*.html"))
    assert len(pages) > 100
    for page in pages:
        for link in set(re.findall(r'href="([^"#:$]+)["#]', page.read_text(encoding="utf-8"))):
            assert (page.parent / html.unescape(link)).is_file(), f"{page.relative_to(folder)}: {link}"


def test_environments_and_tasks_have_their_pages(folder: Path) -> None:
    first = (folder / "index.html").read_text(encoding="utf-8")
    for entry_point in {entry_point for entry_point, _ in ENVIRONMENTS.values()}:
        module = entry_point.partition(":")[0]
        page = folder / f"{module.replace('.', '/')}.html"
        assert f'href="{page.relative_to(folder).as_posix()}"' in first
        shown = page.read_text(encoding="utf-8")
        assert shown.count("<table>") >= 2  # the phases and the rewards
        assert "<td><code>memory_recall</code></td>" in shown
    for entry_point in TASKS.values():
        assert f"<code>{entry_point.partition(':')[0]}</code></a>" in first


def test_no_page_shows_raw_markup(folder: Path) -> None:
    raw = re.compile(r"^ *\||={5}|&lt;/?(p|code|li)&gt;|:(class|func|meth|mod):|<code>~|::</p>", re.MULTILINE)
    for page in folder.rglob("*.html"):
        prose = re.sub(r"<pre>.*?</pre>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        prose = re.sub(r"<(style|script).*?</\1>", "", prose, flags=re.DOTALL)
        assert not raw.search(prose), page
