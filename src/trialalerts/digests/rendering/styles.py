"""The styles of a template: ``style.css`` is written into its elements once, when the template is compiled.

Mail programs drop style sheets, so each element needs its own style; doing that for each message would cost more
than rendering it. An HTML parser would throw a ``{% for %}`` between table rows out of the table and spoil quotes in
``{{ … }}``; so every such tag is taken out before, and put back after: as a comment, which may stand anywhere.
"""

from __future__ import annotations

import re
from functools import lru_cache

from css_inline import CSSInliner
from jinja2 import TemplateSyntaxError

from trialalerts.settings import LookSettings

__all__ = ["coloured", "with_styles"]

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_PLACE = re.compile(r"<!--jinja(\d+)q-->|&lt;!--jinja(\d+)q--&gt;|jinja(\d+)q")
_LINK = re.compile(r'<link rel="stylesheet" href="style\.css"\s*/?>')
_CLASS = re.compile(r' class="([^"]*)"')
_STYLE = re.compile(r' style="([^"]*)"')
_INDENT = re.compile(r"\n\s+")
_CHARSET = '<meta charset="utf-8">'
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

_INLINER = CSSInliner(inline_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False)


def coloured(css: str, look: LookSettings) -> str:
    """Return a style sheet with the operator's colours where it says ``$accent`` and ``$accent-dark``."""
    return css.replace("$accent-dark", look.accent_dark).replace("$accent", look.accent)


@lru_cache(maxsize=200)
def with_styles(source: str, css: str) -> str:
    """Return a template with the rules of ``css`` in its elements' ``style``.

    A whole page keeps the rules that cannot be written into elements (``@media``) where it links ``style.css``;
    everything else is taken for a fragment. Classes that only served the inlining are dropped.

    Raises:
        TemplateSyntaxError: a tag stands where the inlining would lose or move it.
    """
    css = _COMMENT.sub("", css)
    bare, tags = _without_tags(source)
    if "<html" in bare:
        inlined = _INLINER.inline(_LINK.sub(lambda _: f"<style>{css}</style>", bare))
    else:
        inlined = _INLINER.inline_fragment(bare, css)
    return _with_tags(_compact(inlined, css), tags)


def _without_tags(source: str) -> tuple[str, list[str]]:
    tags: list[str] = []
    bare = ""
    end = 0
    for found in _TAG.finditer(source):
        bare += source[end : found.start()]
        place = f"jinja{len(tags)}q"
        element = bare[bare.rfind("<") :] if bare.rfind("<") > bare.rfind(">") else None
        if element is not None and element.count('"') % 2 == 0:
            line = source.count("\n", 0, found.start()) + 1
            raise TemplateSyntaxError(f'inside an element a {found[0][:2]} may stand only between "quotes"', line)
        bare += f"<!--{place}-->" if element is None else place
        tags.append(found[0])
        end = found.end()
    return bare + source[end:], tags


def _with_tags(inlined: str, tags: list[str]) -> str:
    return _PLACE.sub(lambda found: tags[int(found[1] or found[2] or found[3])], inlined)


def _compact(html: str, css: str) -> str:
    """Leave out what mails need not carry: indentation, blanks in styles, classes that no remaining rule names."""
    needed = set(re.findall(r"\.([A-Za-z][\w-]*)", "".join(re.findall(r"@media.*?\{(.*?\})\s*\}", css, re.DOTALL))))

    def classes(found: re.Match[str]) -> str:
        if "jinja" in found[1]:
            return found[0]
        kept = [name for name in found[1].split() if name in needed]
        return f' class="{" ".join(kept)}"' if kept else ""

    html = _CLASS.sub(classes, html)
    html = _STYLE.sub(lambda found: f' style="{found[1].replace(": ", ":").rstrip("; ")}"', html)
    if _CHARSET in html:  # browsers look for it at the very beginning, where the styles would now stand
        html = html.replace(_CHARSET, "", 1).replace("<head>", f"<head>{_CHARSET}", 1)
    return _INDENT.sub("\n", html)
