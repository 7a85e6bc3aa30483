"""The step between a form and its being saved: what was understood, and how much that would bring.

The page carries what was typed in hidden fields and stores nothing. Its buttons save it, lead back to the form, or
take one of the suggestions and look again; ``step`` says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from trialalerts.subscribers.addresses import typo_hint
from trialalerts.subscribers.preferences import NewPreference, unsaved_preference
from trialalerts.vocabulary.places.distance import KM_PER_MILE
from trialalerts.web.clients.limits import client_of
from trialalerts.web.estimates import PageEstimate
from trialalerts.web.forms import Form, zone_named
from trialalerts.web.languages import Language, language_name, zone_name
from trialalerts.web.preference_text import PreferenceText, name_said
from trialalerts.web.signup.one_trial import FollowedTrial
from trialalerts.web.site import WebSite
from trialalerts.web.templates import Repeat

__all__ = ["CHANGE", "SAVE", "ReviewPage"]

SAVE = "save"
_LOOK = "look"
CHANGE = "change"
_TAKE = "take:"
_ADDRESS = "take:address"
_OLDEST = 3
"""An age has so many digits at most; what is longer is a year."""


@dataclass(frozen=True, kw_only=True)
class _Understood:
    """One preference on the page: in words, and what it would bring."""

    follow: PreferenceText
    outlook: PageEstimate | None
    trials: bool


class ReviewPage:
    """The page that comes before saving."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def wait(self, request: Request, form: Form) -> int:
        """Count one more save or look of this client; return the seconds to wait where these are too many, else 0."""
        limit = self._site.sign_ups if form.values["step"] == SAVE else self._site.looks
        return limit.wait(client_of(request.client.host if request.client else None))

    def too_often(self, request: Request, form: Form, language: Language) -> Response | None:
        """Count one more save or look of this client; return the page that says no where these are too many."""
        wait = self.wait(request, form)
        if not wait:
            return None
        return self._site.pages.message("limit", language, status=429, headers={"Retry-After": str(wait)})

    def taken(self, form: Form, language: Language) -> None:
        """Put the suggestion whose button was pressed into the form."""
        step = form.values["step"]
        kind, _, value = step.removeprefix(_TAKE).partition(":")
        if not step.startswith(_TAKE):
            return
        if kind == "address":
            form.values["address"] = typo_hint(form.values["address"]) or form.values["address"]
        if kind == "radius" and value.isdecimal():
            form.values |= {"travel": "", "radius": value[:5], "unit": "km"}
        areas = self._site.vocabulary.tree()
        if kind == "area" and value in areas:
            form.values["area"] = areas.name(value, language.code)

    def page(
        self,
        form: Form,
        wishes: Sequence[Sequence[NewPreference]],
        language: Language,
        *,
        fields: Iterable[str],
        action: str,
        sends: Mapping[str, str],
        save: str,
        address: str = "",
        trial: FollowedTrial | None = None,
        embedded: bool = False,
        reader: int = 0,
    ) -> Response:
        """Show the page.

        Args:
            form: what was typed; the page carries on its ``fields``.
            wishes: what it means: the preferences of each wish, the one in the form last.
            language: of the page.
            fields: the names of the fields to carry on.
            action: where the buttons send it.
            sends: what they send beside it.
            save: the key of the words on the button that saves.
            address: whom we write to, at a sign-up; then the page also tells how often.
            trial: the one that is followed, where one is.
            embedded: whether it stands in the frame of another site.
            reader: the subscriber whose wishes these are; 0: somebody new.
        """
        told = [[self._told(new, language, reader) for new in wish] for wish in wishes]
        one = told[0][0] if len(told) == 1 and len(told[0]) == 1 else None
        return self._site.pages.page(
            "look.html",
            language,
            action=action,
            carried={**form.hidden_fields(fields), **sends},
            wishes=told,
            whom=_whom(form, language),
            trial=trial,
            embedded=embedded,
            instead=self._instead(one, form, language),
            address=address,
            slip=typo_hint(address) if address else None,
            take_address=_ADDRESS,
            often=_often(form, language) if address else "",
            save=language.text(save),
            repeat=Repeat(path=action.partition("?")[0], form="review", name="step", value=_LOOK, enter=SAVE),
        )

    def _told(self, new: NewPreference, language: Language, reader: int) -> _Understood:
        site = self._site
        areas = site.vocabulary.tree()
        preference = unsaved_preference(new, is_area=areas.__contains__, now=site.clock.now())
        return _Understood(
            follow=site.told(preference, language),
            outlook=site.estimates.of(new, areas, reader=reader),
            trials=new.item_kinds != ("article",),
        )

    def _instead(
        self, one: _Understood | None, form: Form, language: Language
    ) -> list[tuple[str, str, tuple[str, ...], int]]:
        """Return what else would bring something: the step, its words with those in English, how many take people."""
        in_miles = form.values["unit"] == "miles"
        others = one.outlook.instead if one is not None and one.outlook is not None else ()
        return [
            (
                f"{_TAKE}{each.kind}:{each.value}",
                *self._named(each.kind, each.value, language, in_miles),
                each.recruiting_now,
            )
            for each in others
        ]

    def _named(self, kind: str, value: str, language: Language, in_miles: bool) -> tuple[str, tuple[str, ...]]:
        if kind == "area":
            return name_said(self._site.vocabulary.tree().names(value), language)
        unit, number = ("miles", round(int(value) / KM_PER_MILE)) if in_miles else ("km", int(value))
        distance = f"{number} {language.text(f'subscribe.unit_{unit}')}"
        return language.text("look.take_radius", distance=distance), ()


def _whom(form: Form, language: Language) -> str:
    """Return for whom it is: “My child, Anna, 7 years old”; empty where nothing was said of it."""
    who, label, born = (form.values[name] for name in ("who", "label", "born"))
    words = [language.text(f"signup.who_{who}")] if who in {"me", "child", "other"} else []
    words += [label] if label else []
    if born.isdecimal() and len(born) <= _OLDEST:
        words.append(language.count("review.age", int(born)))
    elif born:
        words.append(language.text("filters.words_born", year=born[:4]))
    return ", ".join(words) if words != [language.text("signup.who_me")] else ""


def _often(form: Form, language: Language) -> str:
    values = form.values
    spoken = language_name(values["language"], language)
    return language.text(
        f"review.{values['frequency']}", zone=zone_name(zone_named(values["timezone"]), language), language=spoken
    )
