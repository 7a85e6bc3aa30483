"""Adding a wish or changing one: what it would bring is looked at first, then it is stored."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trialalerts.errors import InvalidInput, UnknownArea
from trialalerts.matching.around.steps import stepped
from trialalerts.subscribers.preferences import NewPreference, add_preference, edit_preference
from trialalerts.subscribers.tables import Preference, Subscriber, id_of
from trialalerts.web.forms import FieldError, Form
from trialalerts.web.pages.account.access import Access, access_of, switch
from trialalerts.web.pages.account.view import SettingsView, own_wish
from trialalerts.web.pages.review import CHANGE, SAVE, ReviewPage
from trialalerts.web.pages.unsubscribe import PAUSABLE
from trialalerts.web.preference_form import FIELDS, read_preference, typed
from trialalerts.web.site import WebSite
from trialalerts.web.templates import with_query

__all__ = ["WishPages"]


class WishPages:
    """The forms for wishes on the settings page."""

    def __init__(self, site: WebSite, view: SettingsView) -> None:
        self._site = site
        self._view = view
        self._review = ReviewPage(site)

    def show(self, request: Request, session: Session, subscriber: Subscriber, kept: Preference) -> Response:
        """Show the form for a wish that is there; with ``?step=any`` (of a mail's link) as it would be then."""
        language, areas = self._view.language(request, subscriber), self._site.vocabulary.tree()
        any_area = language.text("filters.any_area")
        shown = stepped(kept, request.query_params.get("step", ""), areas) or kept
        was = typed(shown, areas, any_area=any_area, language=language.code)
        form = self._view.filled(request, was, subscriber)
        access = Access(subscriber=subscriber, fresh=False)
        return self._form(request, session, access, form, kept)

    def take(self, request: Request, sent: Mapping[str, object]) -> Response:
        """Add a wish or change one: look at what it would bring first, then store it."""
        with self._site.db.read() as session:
            access = access_of(self._site, session, request.path_params["token"])
        subscriber = access.subscriber
        form = self._view.filled(request, sent, subscriber)
        if refusal := self._review.too_often(request, form, self._view.language(request, subscriber)):
            return refusal  # outside of a transaction: it counts in one of its own
        with self._site.db.read() as session:
            kept = own_wish(session, subscriber, form.values["preference"]) if sent["action"] == "edit" else None
            if subscriber.state not in PAUSABLE or (sent["action"] == "edit" and kept is None):
                return self._done(request, "")
            if form.values["step"] == CHANGE:
                return self._form(request, session, access, form, kept)
            language = self._view.language(request, subscriber)
            self._review.taken(form, language)
            today, tree = self._site.clock.now().date(), self._site.vocabulary.tree()
            new = read_preference(form, tree, session, today, kept=kept, language=language.code)
            if new is None:
                return self._form(request, session, access, form, kept, status=422)
            if form.values["step"] != SAVE:
                return self._look(request, subscriber, form, new)
        return self._stored(request, form, new, is_edit=kept is not None)

    def _done(self, request: Request, notice: str) -> Response:
        return RedirectResponse(with_query(self._view.path(request), done=notice), status_code=303)

    def _look(self, request: Request, subscriber: Subscriber, form: Form, new: NewPreference) -> Response:
        return self._review.page(
            form,
            [[new]],
            self._view.language(request, subscriber),
            fields=FIELDS,
            action=self._view.path(request),
            sends={"action": form.values["action"]},
            save="preferences.save",
            reader=id_of(subscriber),
        )

    def _stored(self, request: Request, form: Form, new: NewPreference, *, is_edit: bool) -> Response:
        with self._site.db.write() as session:
            access = access_of(self._site, session, request.path_params["token"])
            subscriber = access.subscriber
            kept = own_wish(session, subscriber, form.values["preference"]) if is_edit else None
            if subscriber.state not in PAUSABLE or (is_edit and kept is None):
                return self._done(request, "")
            now = self._site.clock.now()
            try:
                if kept is None:
                    add_preference(session, subscriber, new, confirmed=True, how="web", now=now)
                else:
                    edit_preference(session, subscriber, kept.id or 0, new, how="web", now=now)
            except UnknownArea:  # it has left the vocabulary since
                form.errors["area"] = FieldError(key="error.area_unknown")
            except InvalidInput:  # what was typed has been checked: what remains is what they follow already
                form.errors["area"] = FieldError(key="error.same_already" if is_edit else "error.too_many")
            if form.errors:
                return self._form(request, session, access, form, kept, status=422)
        return self._done(request, "changed" if is_edit else "added")

    def _form(
        self,
        request: Request,
        session: Session,
        access: Access,
        form: Form,
        kept: Preference | None,
        *,
        status: int = 200,
    ) -> Response:
        """Show the form for a preference: a page of its own for one that is there, else the open form to add one."""
        if kept is None:
            return self._view.page(request, session, access, form, status=status, adding=True)
        return self._site.pages.page(
            "preference.html",
            self._view.language(request, access.subscriber),
            status=status,
            action=self._view.path(request),
            form=form,
            **self._site.choices(),
            **switch(self._site, request, sent=form.values),
        )
