"""The commands on disease areas: search, show, import, gaps, tag."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from trialalerts.cli.context import open_context
from trialalerts.cli.output import show, show_json, show_table
from trialalerts.errors import InvalidInput
from trialalerts.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialalerts.vocabulary.areas.tree import AreaTree
    from trialalerts.vocabulary.tagging.tagger import Tag

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The disease areas: search, show, import, gaps, tag."
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_STANDARD_INPUT = Path("-")


@app.command(epilog="Example: trialalerts areas search 'brain tumour'")
def search(
    text: Annotated[str, typer.Argument(help="A name, an acronym, or a part of one.", metavar="TEXT")],
    *,
    limit: Annotated[int, typer.Option(help="The most areas to list.", min=1, max=1000)] = 10,
    language: Annotated[
        str, typer.Option(help="The reader's language (en, de, fr, es): its words go first.", metavar="LANGUAGE")
    ] = "en",
    json: _Json = False,
) -> None:
    """List the disease areas that TEXT may mean, the likeliest first, and how many trials are open in each now."""
    tree, open_trials = _load_tree_and_open_trials()
    hits = tree.search(text, limit=limit, language=language)
    if json:
        show_json(
            [
                {
                    "id": hit.node.id,
                    "name": tree.name(hit.node.id, language),
                    "matched": hit.matched,
                    "score": hit.score,
                    "path": tree.path(hit.node.id),
                    "open_trials": open_trials.get(hit.node.id, 0),
                }
                for hit in hits
            ]
        )
        return
    rows = [
        (
            hit.node.id,
            tree.name(hit.node.id, language),
            hit.matched,
            open_trials.get(hit.node.id, 0),
            _path(tree, hit.node.id),
        )
        for hit in hits
    ]
    show_table(("id", "name", "matched", "open trials", "path"), rows)


@app.command("show", epilog="Example: trialalerts areas show 'multiple sclerosis'")
def show_area(
    area: Annotated[str, typer.Argument(help="An id, a name, a synonym or an acronym.", metavar="AREA")],
    *,
    json: _Json = False,
) -> None:
    """Show one disease area: what else it is called, what is above and below it, how many trials are open now.

    A trial counts where it is about the area or about anything below it.
    """
    tree, open_trials = _load_tree_and_open_trials()
    node = tree.find(area)
    facts: dict[str, Any] = {
        "id": node.id,
        "name": node.name,
        "path": tree.path(node.id),
        "therapeutic": node.therapeutic,
        "origin": node.origin.value,
        "synonyms": node.synonyms,
        "acronyms": node.acronyms,
        "open_trials": open_trials.get(node.id, 0),
    }
    relatives = {"parents": node.parents, "children": tree.children(node.id)}
    if json:
        lists = {
            word: [{"id": id_, "name": tree.name(id_), "open_trials": open_trials.get(id_, 0)} for id_ in ids]
            for word, ids in relatives.items()
        }
        show_json(facts | lists)
        return
    facts["path"] = _path(tree, node.id)
    facts["open trials"] = facts.pop("open_trials")
    names = {
        word: tuple(f"{tree.name(id_)} ({id_}, {open_trials.get(id_, 0)} open)" for id_ in ids)
        for word, ids in relatives.items()
    }
    show_table(("what", "value"), (facts | names).items())


@app.command("import", epilog="Example: trialalerts areas import desc2026.gz")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            help="NLM's MeSH (desc2026.xml, d2026.bin) or the Disease Ontology (doid.obo), plain or gzip.",
            metavar="FILE",
        ),
    ],
    *,
    json: _Json = False,
) -> None:
    """Import a newer MeSH or the Disease Ontology: they extend the curated areas and never replace one.

    The diseases of MeSH 2025 are there already. What a file wrongly calls the same is refused and counted.
    """
    from trialalerts.cli.progress import show_progress
    from trialalerts.vocabulary.areas.imports import import_areas

    ctx = open_context()
    with show_progress("areas import", quiet=json) as progress, ctx.db.write() as session:
        count = import_areas(session, file, progress)
        ctx.note("areas.imported", "areas", new=f"{count.new} new, {count.updated} updated", session=session)
    if json:
        show_json({"total": count.total, "new": count.new, "updated": count.updated, "unchanged": count.unchanged})
    else:
        became = f"{count.new:,} new, {count.updated:,} updated, {count.unchanged:,} unchanged"
        show(f"{counted(count.total, 'area')} read: {became}")


@app.command(epilog="Example: trialalerts areas gaps --limit 20")
def gaps(
    *,
    limit: Annotated[int, typer.Option(help="The most names to list.", min=1, max=10_000)] = 50,
    json: _Json = False,
) -> None:
    """List what open trials and articles without a disease area say they are about, the most frequent first.

    No follower of a disease hears of these items. Names that are diseases belong into the vocabulary as synonyms.
    """
    from trialalerts.catalog.area_gaps import find_gaps

    with open_context().db.read() as session:
        found = find_gaps(session)
    names = found.most_frequent(limit)
    if json:
        listed = [{"kind": kind.value, "name": name, "items": number} for kind, name, number in names]
        show_json({"open_trials": found.trials, "articles": found.articles, "names": listed})
        return
    show_table(("items", "kind", "name"), [(number, kind.value, name) for kind, name, number in names])


@app.command(epilog="Example: trialalerts areas tag --text 'A new tablet for multiple sclerosis'")
def tag(
    *,
    text: Annotated[str | None, typer.Option(help="The text itself.", metavar="T")] = None,
    file: Annotated[Path | None, typer.Option(help="A text file; - for standard input.", metavar="F")] = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(help='A file of lines {"id": …, "title": …, "text": …}; - for standard input.', metavar="F"),
    ] = None,
    title: Annotated[str, typer.Option(help="The title that belongs to --text or --file.", metavar="T")] = "",
    about: Annotated[
        bool, typer.Option("--about", help="List only what the text is about: what an article is tagged with.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="List also what is denied or in passing; add score and reason.")
    ] = False,
    json: _Json = False,
) -> None:
    """Tell which disease areas a text speaks of, the most important first, and which of them it is about.

    With --jsonl, one line {"id": …, "areas": [{"id": …, "name": …, "in_title": …, "about": …}]} is written for
    each line read. Of a text of more than 40 words, what it denies or says in passing is listed as well.
    """
    if sum(given is not None for given in (text, file, jsonl)) != 1:
        raise InvalidInput("areas tag needs exactly one of --text, --file and --jsonl.")
    if about and explain:
        raise InvalidInput("areas tag takes --about or --explain, not both.")
    tree = _load_tree()
    speaker = _Speaker(tree, about=about, explain=explain)
    if jsonl is not None:
        for id_, line_title, line_text in _documents(jsonl):
            _show_line(id_, speaker.facts(line_title, line_text))
        return
    facts = speaker.facts(title, _read(file) if file is not None else text or "", found=True)
    if json:
        show_json(facts)
    else:
        columns = ("id", "name", "in_title", "about", *(("score", "reason") if explain else ()), "found")
        show_table([column.replace("_", " ") for column in columns], [[fact[key] for key in columns] for fact in facts])


def _load_tree() -> AreaTree:
    from trialalerts.vocabulary.areas.tree import load_areas

    with open_context().db.read() as session:
        return load_areas(session)


def _load_tree_and_open_trials() -> tuple[AreaTree, Mapping[str, int]]:
    from trialalerts.catalog.open_areas import count_open_trials
    from trialalerts.vocabulary.areas.tree import load_areas

    with open_context().db.read() as session:
        tree = load_areas(session)
        return tree, count_open_trials(session, tree)


class _Speaker:
    """Tells the areas of texts, as many and with as many facts as wanted."""

    def __init__(self, tree: AreaTree, *, about: bool, explain: bool) -> None:
        from trialalerts.vocabulary.tagging.tagger import Tagger

        self._tree = tree
        self._tagger = Tagger(tree)
        self._about = about
        self._explain = explain

    def facts(self, title: str, text: str, *, found: bool = False) -> list[dict[str, Any]]:
        """Return what is to be told of each area of a text; with ``found``, the words too."""
        mentions = self._tagger.mentions(title=title, text=text)
        about = self._tagger.about(mentions)
        listed = self._tagger.listed(mentions, words=len(title.split()) + len(text.split()))
        wanted = about if self._about else mentions if self._explain else listed
        return [self._facts(tag, about=tag in about, found=found) for tag in wanted]

    def _facts(self, tag: Tag, *, about: bool, found: bool) -> dict[str, Any]:
        facts: dict[str, Any] = {"id": tag.area_id, "name": self._tree.name(tag.area_id), "in_title": tag.in_title}
        facts["about"] = about
        if self._explain:
            facts |= {"score": tag.score, "reason": tag.reason}
        if found:
            facts["found"] = tag.found
        return facts


def _path(tree: AreaTree, area_id: str) -> str:
    return " › ".join(tree.path(area_id))


def _show_line(id_: object, areas: list[dict[str, Any]]) -> None:
    import orjson

    show(orjson.dumps({"id": id_, "areas": areas}).decode())


def _documents(file: Path) -> Iterator[tuple[object, str, str]]:
    import orjson

    name = _shown(file)
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise InvalidInput(f"{name}: line {number}: this is not JSON: {error.msg}") from None
        if not isinstance(document, dict) or "id" not in document:
            raise InvalidInput(f'{name}: line {number}: expected {{"id": …, "title": …, "text": …}}')
        title, text = document.get("title") or "", document.get("text") or ""
        if not isinstance(title, str) or not isinstance(text, str):
            raise InvalidInput(f"{name}: line {number}: title and text must be texts")
        yield document["id"], title, text


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with ExitStack() as stack:
            source: IO[bytes] = sys.stdin.buffer if file == _STANDARD_INPUT else stack.enter_context(file.open("rb"))
            yield from source
    except OSError as error:
        raise InvalidInput(f"{_shown(file)}: this file cannot be read: {error.strerror}") from None


def _read(file: Path) -> str:
    try:
        return b"".join(_lines(file)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{_shown(file)}: this is no UTF-8 text (byte {error.start})") from None


def _shown(file: Path) -> str:
    return "standard input" if file == _STANDARD_INPUT else str(file)
