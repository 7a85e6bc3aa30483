"""The tags ``personal`` and ``cards``: what differs from reader to reader in a template.

A template is run once for many readers (the *shared* way); where a reader's own words belong it leaves a marker, at
which the text is cut afterwards. The body of ``{% personal reasons, caution %}…{% endpersonal %}`` becomes a template
of its own, run with the real values, and with no other words than all readers of a language share: so that one result
serves every card. ``{% cards %}`` stands where the finished groups of cards are put in.

The *eager* way writes everything at once for one reader. Templates are tried both ways against each other.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from types import CodeType
from typing import Any, Final, cast

from jinja2 import Environment, Template, TemplateRuntimeError, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from markupsafe import Markup, escape

__all__ = ["CARDS", "PERSONAL_LINKS", "CutText", "EagerTags", "SharedTags", "Slot", "SlotCode", "take_slots"]

CARDS = "cards"
PERSONAL_LINKS = frozenset(
    {"digest_url", "earlier_url", "preferences_url", "rest_url", "stop_url", "trial_url", "unsubscribe_url"}
)
"""Words that no two readers share, so that nothing made of them is kept."""

_RUN = "_run"
_NONCE: Final = secrets.token_hex(8)
"""Nothing that is read anywhere can hold it, so that no title can pass for a marker."""
_MARKER = re.compile(f"\ue000{_NONCE}(\\d{{4}})x*\ue001")
_NUMBERS = count()
_MAY_HOLD_TAGS = (nodes.Template, nodes.Block, nodes.If, nodes.For)


@dataclass(frozen=True, eq=False, slots=True)
class Slot:
    """The place of a reader's own words, or of finished parts (``part``: :data:`CARDS`).

    ``template`` writes ``names``; None where the one name is only put out. ``source`` is the name of the file.
    """

    source: str
    names: tuple[str, ...]
    part: str | None
    template: Template | None
    is_html: bool
    is_kept: bool

    def write(self, words: Mapping[str, Any], values: Mapping[str, Any]) -> str:
        """Return what one reader reads here.

        Raises:
            Exception: whatever an own template does wrong.
        """
        if self.template is None:
            value = values[self.names[0]]
            return str(escape(value)) if self.is_html else str(value)
        return self.template.render(words, **{name: values[name] for name in self.names})


@dataclass(frozen=True, slots=True)
class SlotCode:
    """A slot as it was compiled, from which each environment makes its own. Its number is unique in the process."""

    number: int
    source: str
    names: tuple[str, ...]
    part: str | None
    code: CodeType | None


@dataclass(frozen=True, slots=True)
class CutText:
    """What a template wrote for all: ``texts`` around ``slots``, one more than these."""

    texts: tuple[str, ...]
    slots: tuple[Slot, ...]

    @classmethod
    def of(cls, template: Template, values: Mapping[str, Any], *, padding: int = 0) -> CutText:
        """Run a template the shared way.

        Args:
            padding: so much longer are the markers; what is written must not depend on it.

        Raises:
            TemplateRuntimeError: the template did something else with a reader's words than to put them out.
            Exception: whatever else it does wrong.
        """
        run = _Run(padding)
        parts = _MARKER.split(template.render(values, **{_RUN: run}))
        if parts[1::2] != [f"{number:04}" for number in range(len(run.slots))] or any(_NONCE in p for p in parts[::2]):
            raise TemplateRuntimeError("a tag was not put out as it is: nothing may be done with what it writes")
        return cls(tuple(parts[::2]), tuple(run.slots))


class _Run:
    """One run of a template: which slots it came by."""

    def __init__(self, padding: int) -> None:
        self.slots: list[Slot] = []
        self._padding = "x" * padding

    def marker(self, slot: Slot) -> str:
        self.slots.append(slot)
        return f"\ue000{_NONCE}{len(self.slots) - 1:04}{self._padding}\ue001"


class _Tags(Extension):
    tags = {"personal", CARDS}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        tag = next(parser.stream)
        if tag.value != "personal":
            return self._part(tag.value, tag.lineno)
        names = [parser.stream.expect("name").value]
        while parser.stream.skip_if("comma"):
            names.append(parser.stream.expect("name").value)
        return self._personal(names, parser.parse_statements(("name:endpersonal",), drop_needle=True), tag.lineno)

    def _personal(self, names: list[str], body: list[nodes.Node], line: int) -> nodes.Node | list[nodes.Node]:
        raise NotImplementedError

    def _part(self, name: str, line: int) -> nodes.Node:
        raise NotImplementedError


class EagerTags(_Tags):
    """The tags where everything is written at once."""

    def _personal(self, names: list[str], body: list[nodes.Node], line: int) -> list[nodes.Node]:
        del names, line
        return body

    def _part(self, name: str, line: int) -> nodes.Node:
        return nodes.Output([nodes.MarkSafe(nodes.Name(name, "load"))], lineno=line)


class SharedTags(_Tags):
    """The tags where markers are left; :func:`take_slots` has to see the template before it is compiled."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._slots: dict[int, Slot] = {}

    def _personal(self, names: list[str], body: list[nodes.Node], line: int) -> nodes.Node:
        return nodes.CallBlock(self._call(",".join(names)), [], [], body, lineno=line)

    def _part(self, name: str, line: int) -> nodes.Node:
        return nodes.CallBlock(self._call(name), [], [], [], lineno=line)

    def _call(self, what: str | int) -> nodes.Call:
        return self.call_method("leave_marker", [nodes.ContextReference(), nodes.Const(what)])

    def leave_marker(self, context: Context, number: int) -> str:
        """Return what stands for a slot until the text is cut."""
        run: _Run = context[_RUN]
        return Markup(run.marker(self._slots[number]))  # noqa: S704 - signs that stand in no text

    def slots(
        self, block: nodes.CallBlock, name: str | None, filename: str | None
    ) -> tuple[nodes.Node, list[SlotCode]]:
        """Return what stands in the place of a tag in the template to be compiled, and the slots in it.

        A body of names and text that is put out as it is needs no template: each name is a slot of its own.
        """
        _, what = block.call.args
        names = tuple(cast("nodes.Const", what).value.split(","))
        shown: list[nodes.Expr] = []
        slots: list[SlotCode] = []

        def put(names: tuple[str, ...], *, part: str | None = None, code: CodeType | None = None) -> None:
            slots.append(SlotCode(next(_NUMBERS), name or "", names, part, code))
            shown.append(nodes.MarkSafe(self._call(slots[-1].number)))

        if not block.body and names[0] == CARDS:
            put(names, part=CARDS)
        elif (pieces := _plain_pieces(block.body, names)) is None:
            put(names, code=self._compiled(block.body, name, filename))
        else:
            for each in pieces:
                put((each.name,)) if isinstance(each, nodes.Name) else shown.append(each)
        return nodes.Output(shown, lineno=block.lineno), slots

    def add(self, slots: Iterable[SlotCode]) -> None:
        """Know the slots of a template that is to be run."""
        escapes = self.environment.autoescape
        for slot in slots:
            is_html = escapes(slot.source) if callable(escapes) else escapes
            is_kept = slot.part is None and PERSONAL_LINKS.isdisjoint(slot.names)
            self._slots[slot.number] = Slot(
                slot.source, slot.names, slot.part, self._template(slot.code), is_html, is_kept
            )

    def _compiled(self, body: list[nodes.Node], name: str | None, filename: str | None) -> CodeType:
        tree = nodes.Template(body, lineno=1)
        tree.set_environment(self.environment)
        return self.environment.compile(tree, name, filename)

    def _template(self, code: CodeType | None) -> Template | None:
        return code and Template.from_code(self.environment, code, self.environment.make_globals(None))


def take_slots(
    environment: Environment, tree: nodes.Template, name: str | None, filename: str | None
) -> list[SlotCode]:
    """Take the bodies of the tags out of a template that was parsed the shared way, and return them.

    Raises:
        TemplateSyntaxError: a tag stands where what it writes would be caught and changed.
    """
    tags = cast("SharedTags", environment.extensions[SharedTags.identifier])
    taken: list[SlotCode] = []

    def visit(node: nodes.Node, *, allowed: bool) -> None:
        for holder in _lists(node):
            for at, child in enumerate(holder):
                if _is_tag(child):
                    if not allowed:
                        raise TemplateSyntaxError(_MISPLACED, child.lineno, name, filename)
                    _check_body(child, name, filename)
                    holder[at], slots = tags.slots(cast("nodes.CallBlock", child), name, filename)
                    taken.extend(slots)
                elif isinstance(child, nodes.Include) and not allowed:
                    raise TemplateSyntaxError(_MISPLACED, child.lineno, name, filename)
                else:
                    visit(child, allowed=allowed and isinstance(child, _MAY_HOLD_TAGS))

    visit(tree, allowed=True)
    return taken


_MISPLACED = "a tag (personal, cards, include) may stand in the file, a block, an if and a for only"


def _check_body(tag: nodes.Node, name: str | None, filename: str | None) -> None:
    for inner in (*tag.find_all((nodes.Block, nodes.Extends)), *filter(_is_tag, tag.find_all(nodes.CallBlock))):
        raise TemplateSyntaxError("no such tag may stand in a personal block", inner.lineno, name, filename)


def _is_tag(node: nodes.Node) -> bool:
    """Tell whether a node is one of our tags, not a ``{% call %}``."""
    if not isinstance(node, nodes.CallBlock):
        return False
    called = node.call.node
    return isinstance(called, nodes.ExtensionAttribute) and called.identifier == SharedTags.identifier


def _lists(node: nodes.Node) -> Iterator[list[nodes.Node]]:
    for _, value in node.iter_fields():
        if isinstance(value, list):
            yield value
        elif isinstance(value, nodes.Node):
            yield [value]


def _plain_pieces(body: list[nodes.Node], names: Collection[str]) -> list[nodes.Expr] | None:
    """Return what a body puts out where that is nothing but text and these names; None where it does more."""
    if not (len(body) == 1 and isinstance(body[0], nodes.Output)):
        return None
    pieces = body[0].nodes
    plain = [isinstance(p, nodes.TemplateData) or (isinstance(p, nodes.Name) and p.name in names) for p in pieces]
    return pieces if all(plain) else None
