"""Front matter: the YAML between two lines ``---`` at the head of a Markdown file, read, and changed in place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from trialalerts.errors import InvalidInput

__all__ = ["UnreadableArticle", "parts_of", "with_values"]

_FENCE = "---"
_NO_FOLDING = 1_000_000


class UnreadableArticle(Exception):
    """A file gives no article; says which part of it is wrong and how."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def parts_of(text: str) -> tuple[Mapping[str, Any], str]:
    r"""Part the front matter, its keys in small letters, from the article.

    >>> parts_of("---\nTitle: News\n---\nA text.")
    ({'title': 'News'}, 'A text.')

    Raises:
        UnreadableArticle: there is none, or it is no YAML.
    """
    import frontmatter
    import yaml  # type: ignore[import-untyped]  # the package ships no type hints

    lines = text.splitlines()
    if not lines or lines[0].rstrip() != _FENCE:
        raise UnreadableArticle("front matter", f"the file does not begin with a line {_FENCE}")
    if not any(line.rstrip() == _FENCE for line in lines[1:]):
        raise UnreadableArticle("front matter", f"there is no second line {_FENCE}; is the file half written?")
    try:
        head, body = frontmatter.parse("\n".join(lines))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UnreadableArticle(
            "front matter", f"line {line} is no YAML: {error.problem or 'it cannot be read'}"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UnreadableArticle("front matter", "it is no YAML") from None
    return {str(key).lower(): value for key, value in head.items()}, str(body)


def with_values(text: str, values: Mapping[str, str | date | datetime], *, without: str = "") -> str:
    r"""Return the text of a file with these keys set, and one left out; all else stays as it was written.

    >>> with_values("---\ntitle: News\nstatus: draft\n---\nA text.\n", {"status": "published"})
    '---\ntitle: News\nstatus: published\n---\nA text.\n'

    Raises:
        UnreadableArticle: the front matter cannot be read.
        InvalidInput: it is written in a way that cannot be changed without harm.
    """
    before, body = parts_of(text)
    lines = text.splitlines(keepends=True)
    end = next(number for number, line in enumerate(lines) if number and line.rstrip() == _FENCE)
    newline = "\r\n" if lines[0].endswith("\r\n") else "\n"
    head = lines[1:end]
    for key, value in values.items():
        first, last = _span(head, key)
        head[first:last] = [_line(key, value) + newline]
    first, last = _span(head, without)
    del head[first:last]
    changed = "".join([lines[0], *head, *lines[end:]])
    after, same = parts_of(changed)
    kept = {key: value for key, value in before.items() if key not in values}
    kept.pop(without, None)
    if same != body or {key: value for key, value in after.items() if key not in values} != kept:
        raise InvalidInput(f"The front matter is written in a way that no command can change; set {', '.join(values)}.")
    return changed


def _span(head: list[str], key: str) -> tuple[int, int]:
    """Return between which lines of the head a key and its value stand; an empty span at the end where it does not."""
    import yaml

    node = yaml.compose("".join(head))
    for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if str(name.value).lower() == key:
            mark = value.end_mark
            return name.start_mark.line, max(mark.line + bool(mark.column), name.start_mark.line + 1)
    return len(head), len(head)


def _line(key: str, value: str | date | datetime) -> str:
    import yaml

    return str(yaml.safe_dump({key: value}, allow_unicode=True, width=_NO_FOLDING)).rstrip("\n")
