"""A registry of trials: each record has a number, or is noted as one without; the rest is read from its view."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

from trialalerts.catalog.draft import FieldProblem
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.redaction import shown_url
from trialalerts.sources.context import SourceContext
from trialalerts.sources.reading.fields import UNNAMED, Fields
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.stumbles import unreadable
from trialalerts.sources.sweeps.answers import json_answer
from trialalerts.sources.sweeps.drafting import ReadingContext, TrialRecord, trial_draft
from trialalerts.sources.sweeps.registry import Listed, Reading, Registry, RegistrySettings
from trialalerts.sources.sweeps.steps import SweepStep

__all__ = ["TrialRegistry", "trial_numbers"]

_Settings = TypeVar("_Settings", bound=RegistrySettings)
_S = TypeVar("_S", bound=SweepStep)


class TrialRegistry(Registry[_Settings, _S]):
    """What registries of trials have in common.

    Attributes:
        number_path: where a record's own number stands.
        number_form: what it looks like, once it is in capitals.
        number_example: such a number, for messages.
        name_path: what else names a record for its registry, where its number is unusable; empty: nothing.
        title_path: where its title should stand.
        list_keys: what its list says that changes with a record, where whole records are asked for one by one.
        detail_path: the way to a whole record, below the configured address: ``trials/{number}``.
    """

    number_path: ClassVar[str]
    number_form: ClassVar[re.Pattern[str]]
    number_example: ClassVar[str]
    name_path: ClassVar[str] = ""
    title_path: ClassVar[str]
    list_keys: ClassVar[tuple[str, ...]] = ()
    detail_path: ClassVar[str] = ""

    @abstractmethod
    def trial(self, record: RecordView, number: str, context: ReadingContext) -> TrialRecord:
        """Read a record that bears a number."""

    def external_id(self, number: str) -> str:
        """Return the id under which a record is stored: by default its number."""
        return number

    def inside(self, record: RecordView) -> RecordView:
        """Return the object inside a record that the paths begin in; by default the record itself."""
        return record

    def read(self, record: Any, position: str, context: ReadingContext) -> Reading:
        """Read a record, whatever it may be; what is wrong with it harms no other."""
        if not isinstance(record, dict):
            return None, [FieldProblem(external_id=UNNAMED + position, field="study", message=_NO_OBJECT)]
        quiet, number = self.inside(RecordView(record, Fields(position))), self._number(record)
        if not self.number_form.fullmatch(number):
            named = (self.name_path and quiet.line(self.name_path)) or position
            found = f"found “{number[:40]}”" if number else "found nothing"
            message = f"{found}, expected {self.number_example}"
            return None, [FieldProblem(external_id=f"{UNNAMED}{named[:80]}", field=self.number_path, message=message)]
        own = self.external_id(number)
        try:
            whole = RecordView(record, Fields(own))
            trial = self.trial(whole, number, context)
            names = {"registry": self.registry, "source": self.settings.name, "title_path": self.title_path}
            return trial_draft(trial, self.inside(whole), context, **names), ()
        except Exception as error:  # noqa: BLE001 - a record that nobody foresaw must not stop the others
            return None, [unreadable(own, error)]

    def listed(self, record: Any) -> Listed | None:
        """Return what a list says; its version begins with what a number has behind the id of the record."""
        number = self._number(record) if self.list_keys and isinstance(record, dict) else ""
        if not self.number_form.fullmatch(number):
            return None
        own, says = self.external_id(number), [record.get(key) for key in self.list_keys]
        return Listed(external_id=own, version=f"{number[len(own) :].strip('-')} {says}", record=record)

    def is_news(self, entry: Listed, known: str) -> bool:
        """Tell whether a record is asked for anew: never an earlier submission than the one that is known."""
        return entry.version != known and entry.version.partition(" ")[0] >= known.partition(" ")[0]

    def details(self, entry: Listed, context: SourceContext) -> Any | None:
        """Ask for a whole record; what the list says stays in it."""
        url = self.address(self.detail_path.format(number=self._number(entry.record)))
        answer = context.fetcher.find(url, accept="application/json")
        whole = answer and json_answer(answer.body, shown_url(answer.url), "a trial")
        return {**entry.record, **whole} if isinstance(whole, dict) else None

    def _number(self, record: Any) -> str:
        return (self.inside(RecordView(record, Fields(""))).line(self.number_path) or "").upper()


_NO_OBJECT = "the record is no object"


def trial_numbers(own: str, *stated: str | None) -> tuple[str, ...]:
    """Return the registry numbers of a trial, its own first; grants and protocols in the fields for them are none."""
    return tuple(dict.fromkeys((own, *registry_numbers(filter(None, stated), are_ids=True))))
