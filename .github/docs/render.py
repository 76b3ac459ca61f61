"""Renders the docstrings of the four packages as pages: ``tox run -e docs``, then open ``build/docs/index.html``.

A reference such as ``:class:`MemoryEnv``` that names nothing, and any warning of pdoc's, is an error.
"""

from __future__ import annotations

import importlib
import pkgutil
import pydoc
import re
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pdoc.doc
import pdoc.render
from pdoc.render_helpers import to_html

PACKAGES = ("memgym", "baselines", "memagents", "grpo")
SECTIONS = {
    "Environments": ["memgym.envs.longcontext", "memgym.envs.memory_bank", "memgym.registration"],
    "Tasks": ["memgym.tasks.procedural.*", "memgym.tasks.published.*", "memgym.tasks.*", "memgym.episodes"],
    "Wrappers": ["memgym.wrappers", "memgym.vector"],
    "Recipes": ["memagents.recipes", "memagents.training_recipes"],
    "Policies": ["memgym.policy", "memgym.operators.phase_policy", "memgym.protocol.observation", "baselines.*"],
    "Agents": ["memagents.agents.*", "memagents.modules.*", "memagents.backends.*"],
    "Leaderboard": ["memgym.leaderboard.*"],
    "Training": ["grpo.*"],
}
"""What the first page leads to, in this order; ``*`` stands for the modules of a package."""

ROLE = re.compile(r":(?:mod|func|data|const|class|meth|attr|exc|obj):`(~?)([\w.]+)`")
TABLE = re.compile(
    r"""^(?P<indent>\ *)(?P<rule>=+(?:\ +=+)+)\n        # a rule, one run of = for each column
    (?P<head>(?:(?!\ *=).+\n(?=(?P=indent)(?P=rule)\n(?:.+\n)+?(?P=indent)(?P=rule)$))?)  # a row between two rules
    (?:(?P=indent)(?P=rule)\n)?
    (?P<body>(?:.+\n)+?)(?P=indent)(?P=rule)$\n?""",
    re.MULTILINE | re.VERBOSE,
)


NOT_RENDERED = ("memgym.serving.openenv", "memagents.integrations.")
"""Adapters, each of which imports somebody else's library; their guide is memagents/integrations/README.md."""


def module_names() -> list[str]:
    """Return the names of all modules but the private ones and the adapters."""
    found = list(PACKAGES)
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        found += [info.name for info in pkgutil.walk_packages(path, f"{package}.") if "._" not in info.name]
    return [name for name in found if not name.startswith(NOT_RENDERED)]


def members(namespace: pdoc.doc.Namespace) -> Iterator[pdoc.doc.Doc]:
    """Yield a module or class with everything in it."""
    yield namespace
    for member in namespace.own_members:
        if isinstance(member, pdoc.doc.Class):
            yield from members(member)
        else:
            yield member


def broken_references(doc: pdoc.doc.Doc) -> Iterator[str]:
    """Yield the references of a docstring that name nothing, looked for from the inside to the outside."""
    if isinstance(doc, pdoc.doc.Function) and not doc.obj.__doc__:
        return  # it shows what it overrides, which may be another package's
    parts = ".".join(doc.taken_from).rstrip(".").split(".")
    for _, name in ROLE.findall(doc.docstring):
        if not any(exists(".".join([*parts[:depth], name])) for depth in range(len(parts), -1, -1)):
            yield f"{doc.fullname}: {name}"


@cache
def exists(name: str) -> bool:
    """Tell whether a dotted name is that of a module, of something in one, or of a field of a class."""
    owner, _, field = name.rpartition(".")
    return pydoc.locate(name) is not None or field in getattr(pydoc.locate(owner), "__annotations__", ())


def to_markdown(docstring: str) -> str:
    """Turn into Markdown what pdoc leaves as it is: short references, code after ``::``, simple tables."""
    docstring = ROLE.sub(lambda m: f"`{m[2].rpartition('.')[2]}`" if m[1] else m[0], docstring)
    docstring = re.sub(r"(\w):: *$|^:: *$", r"\1:", docstring, flags=re.MULTILINE)
    return TABLE.sub(_table, docstring)


def _table(table: re.Match[str]) -> str:
    """Return a table between rules in Markdown. A row without a first cell goes on with the one above."""
    starts = [column.start() for column in re.finditer("=+", table["rule"])]
    rows: list[list[str]] = [] if table["head"] else [[""] * len(starts)]
    for line in (table["head"] + table["body"]).splitlines():
        line = line.removeprefix(table["indent"])
        cells = [line[a:b].strip().replace("|", r"\|") for a, b in zip(starts, [*starts[1:], None], strict=True)]
        if cells[0]:
            rows.append(cells)
        else:
            rows[-1] = [f"{above} {below}".strip() for above, below in zip(rows[-1], cells, strict=True)]
    rows.insert(1, ["---"] * len(starts))
    return "".join(f"{table['indent']}| {' | '.join(row)} |\n" for row in rows)


def first_page(modules: dict[str, pdoc.doc.Module]) -> dict[str, list[tuple[str, str]]]:
    """Return the sections of the first page: what each module is called, and its first sentence as HTML."""
    shown = {"": list(PACKAGES)}
    for title, names in SECTIONS.items():
        shown[title] = []
        for name in names:
            package = name.removesuffix(".*")
            inside = [module for module in modules if module.rpartition(".")[0] == package]
            shown[title] += inside if name.endswith(".*") else [name]
    return {
        title: [(name, to_html(ROLE.sub(r"`\2`", (modules[name].docstring or "\n").splitlines()[0]))) for name in names]
        for title, names in shown.items()
    }


def main(folder: Path) -> None:
    """Write the pages into ``folder``."""
    warnings.simplefilter("error")
    # Of a dataclass that its package offers, pdoc knows the constructor's types by name only.
    warnings.filterwarnings("ignore", "Error parsing type annotation")
    for package in map(importlib.import_module, PACKAGES):
        for name in getattr(package, "__all__", ()):
            setattr(package, name, getattr(package, name))  # what is imported once it is asked for
    modules = {name: pdoc.doc.Module.from_name(name) for name in sorted(module_names())}
    docs = [doc for module in modules.values() for doc in members(module)]
    if broken := sorted({problem for doc in docs for problem in broken_references(doc)}):
        sys.exit("references that name nothing:\n  " + "\n  ".join(broken))
    for doc in docs:
        doc.docstring = to_markdown(doc.docstring)
    pdoc.render.configure(
        docformat="google", template_directory=Path(__file__).parent, show_source=False, footer_text="memgym"
    )
    pdoc.render.env.globals["sections"] = first_page(modules)
    for name, module in modules.items():
        page = folder / f"{name.replace('.', '/')}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(pdoc.render.html_module(module, modules), encoding="utf-8")
    (folder / "index.html").write_text(pdoc.render.html_index(modules), encoding="utf-8")
    (folder / "search.js").write_text(pdoc.render.search_index(modules), encoding="utf-8")
    print(f"{len(modules)} pages; begin with {folder / 'index.html'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
