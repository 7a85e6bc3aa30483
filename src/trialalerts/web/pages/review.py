"""The step between a form and its being saved: what was understood, and how much that would bring.

The page carries what was typed in hidden fields and stores nothing. Its buttons save it, lead back to the form, or
take one of the suggestions and look again; ``step`` says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from trialalerts.subscribers.preferences import NewPreference, unsaved_preference
from trialalerts.web.clients.limits import client_of
from trialalerts.web.forms import Form
from trialalerts.web.languages import Language
from trialalerts.web.preference_form import KM_PER_MILE
from trialalerts.web.preference_text import preference_text
from trialalerts.web.site import WebSite

__all__ = ["CHANGE", "SAVE", "ReviewPage"]

SAVE = "save"
CHANGE = "change"
_TAKE = "take:"


class ReviewPage:
    """The page that comes before saving."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def too_often(self, request: Request, form: Form, language: Language) -> Response | None:
        """Count one more save or look of this client; return the page that says no where these are too many."""
        limit = self._site.sign_ups if form.values["step"] == SAVE else self._site.looks
        wait = limit.wait(client_of(request.client.host if request.client else None))
        if not wait:
            return None
        return self._site.pages.message("limit", language, status=429, headers={"Retry-After": str(wait)})

    def taken(self, form: Form) -> None:
        """Put the suggestion whose button was pressed into the form."""
        kind, _, value = form.values["step"].removeprefix(_TAKE).partition(":")
        if not form.values["step"].startswith(_TAKE):
            return
        if kind == "radius" and value.isdecimal():
            form.values |= {"travel": "", "radius": value[:5], "unit": "km"}
        areas = self._site.vocabulary.tree()
        if kind == "area" and value in areas:
            form.values["area"] = areas.name(value)

    def page(
        self,
        form: Form,
        new: NewPreference,
        language: Language,
        *,
        fields: Iterable[str],
        action: str,
        sends: Mapping[str, str],
        save: str,
    ) -> Response:
        """Show the page.

        Args:
            form: what was typed; the page carries on its ``fields``.
            new: what it means.
            language: of the page.
            fields: the names of the fields to carry on.
            action: where the buttons send it.
            sends: what they send beside it.
            save: the key of the words on the button that saves.
        """
        site = self._site
        areas = site.vocabulary.tree()
        preference = unsaved_preference(new, is_area=areas.__contains__, now=site.clock.now())
        in_miles = form.values["unit"] == "miles"
        outlook = site.estimates.of(new, areas)
        return site.pages.page(
            "look.html",
            language,
            action=action,
            carried={**form.hidden_fields(fields), **sends},
            follow=preference_text(preference, areas, site.vocabulary.topics(), language),
            outlook=outlook,
            instead=[
                (f"{_TAKE}{each.kind}:{each.value}", _named(each.kind, each.value, each.name, language, in_miles), each)
                for each in (outlook.instead if outlook else ())
            ],
            trials=new.item_kinds != ("article",),
            save=language.text(save),
        )


def _named(kind: str, value: str, name: str, language: Language, in_miles: bool) -> str:
    if kind == "area":
        return name
    unit, number = ("miles", round(int(value) / KM_PER_MILE)) if in_miles else ("km", int(value))
    distance = f"{number} {language.text(f'subscribe.unit_{unit}')}"
    return language.text("look.take_radius", distance=distance)
