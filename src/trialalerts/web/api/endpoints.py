"""The operations of the API: which path asks what, and what stands around each: limits, languages, caches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trialalerts.web.api.answers import (
    AreaSearchAnswer,
    ArticleDetail,
    ArticlePageAnswer,
    ConsentAnswer,
    RegionSearchAnswer,
    TrialDetail,
    TrialPageAnswer,
)
from trialalerts.web.api.articles import list_articles, one_article
from trialalerts.web.api.bodies import SignUpAnswer, SignUpBody
from trialalerts.web.api.parameters import (
    ArticleQuestion,
    ArticlesQuestion,
    LanguageQuestion,
    SearchQuestion,
    TrialQuestion,
    TrialsQuestion,
    read_question,
)
from trialalerts.web.api.problems import ApiProblem
from trialalerts.web.api.searching import consent_asked, search_areas, search_regions
from trialalerts.web.api.signing_up import ApiSignUp
from trialalerts.web.api.trials import list_trials, one_trial
from trialalerts.web.clients.limits import ClientLimit, client_of
from trialalerts.web.site import WebSite
from trialalerts.web.wire.kept import KeptAnswers, PublicAnswer

__all__ = ["API_PATH", "READING", "SIGNING_UP", "ApiEndpoints", "Reading", "Writing"]

API_PATH = "/api/v1"
_MINUTE = timedelta(minutes=1)
_TYPED = ("q", "near")
"""What a person may have typed: no cache keeps the answer."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """An operation that reads: its path below the API's, what it asks and answers.

    ``answer`` gets the site, the language, the question and what stands in the path.
    """

    name: str
    path: str
    summary: str
    question: type[LanguageQuestion]
    model: type[BaseModel]
    answer: Callable[..., BaseModel]
    problems: tuple[int, ...] = (400, 429)


READING = (
    Reading(
        name="searchAreas", path="/areas", question=SearchQuestion, model=AreaSearchAnswer, answer=search_areas,
        summary="Search disease areas, as the sign-up suggests them while somebody types.",
    ),
    Reading(
        name="searchRegions", path="/regions", question=SearchQuestion, model=RegionSearchAnswer,
        answer=search_regions, summary="Search places, as the sign-up suggests them while somebody types.",
    ),
    Reading(
        name="listTrials", path="/trials", question=TrialsQuestion, model=TrialPageAnswer, answer=list_trials,
        summary="List the open trials of an area: the newest first, or the nearest to a place.",
        problems=(400, 404, 429),
    ),
    Reading(
        name="showTrial", path="/trials/{number}", question=TrialQuestion, model=TrialDetail, answer=one_trial,
        summary="Show a trial by any of its registry numbers: what it is, its sites, whom to ask, what changed.",
        problems=(400, 404, 429),
    ),
    Reading(
        name="listArticles", path="/articles", question=ArticlesQuestion, model=ArticlePageAnswer,
        answer=list_articles, summary="List the articles, the latest first, without those taken back.",
    ),
    Reading(
        name="showArticle", path="/articles/{number}", question=ArticleQuestion, model=ArticleDetail,
        answer=one_article, summary="Show an article, with what was put right in it or that it was taken back.",
        problems=(400, 404, 429),
    ),
    Reading(
        name="showConsent", path="/consent", question=LanguageQuestion, model=ConsentAnswer, answer=consent_asked,
        summary="Show what somebody agrees to who signs up, and its version.",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Writing:
    """An operation that writes, for those with a key: what it takes and answers."""

    name: str
    path: str
    summary: str
    description: str
    question: type[LanguageQuestion]
    body: type[BaseModel]
    model: type[BaseModel]
    problems: tuple[int, ...]


SIGNING_UP = Writing(
    name="signUp",
    path="/subscriptions",
    summary="Sign somebody up: a mail asks them to confirm, and until then nothing else is sent.",
    description="The answer is the same whoever is known. Sending the same again does no harm, by its nature: what is "
    "followed already is found again, and an address gets one mail in ten minutes. So no Idempotency-Key is needed.",
    question=LanguageQuestion,
    body=SignUpBody,
    model=SignUpAnswer,
    problems=(400, 401, 403, 413, 415, 422, 429),
)


class ApiEndpoints:
    """Answers the operations; what does not hold a typed place is kept in memory for a minute."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._sign_up = ApiSignUp(site)
        self._limit = ClientLimit(site.clock, times=site.settings.api.requests_per_minute, within=_MINUTE)
        self._kept = KeptAnswers(site.clock)

    def routes(self) -> list[Route]:
        """Return the routes of all operations."""
        found: list[Route] = []
        for each in READING:
            path = API_PATH + each.path.replace("{number}", "{number:path}")  # some numbers have slashes in them
            found += [Route(path, self._reads(each), methods=["GET"]), _allowed(path, ["GET", "HEAD"])]
        path = API_PATH + SIGNING_UP.path
        return [*found, Route(path, self._signs_up, methods=["POST"]), _allowed(path, ["POST"])]

    async def _signs_up(self, request: Request) -> Response:
        self.counted(request)
        read_question(request, SIGNING_UP.question)
        return await self._sign_up.take(request)

    def counted(self, request: Request) -> None:
        """Count one more request of a client.

        Raises:
            ApiProblem: 429 where these are too many.
        """
        wait = self._limit.wait(client_of(request.client.host if request.client else None))
        if wait:
            most = self._site.settings.api.requests_per_minute
            line = f"This client asked more than {most} times in a minute; ask again in {wait} s"
            raise ApiProblem(429, "too-many-requests", line, headers={"Retry-After": str(wait)})

    def _reads(self, operation: Reading) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            self.counted(request)
            asked = read_question(request, operation.question)
            language = self._site.pages.language(request)
            path = tuple(request.path_params.values())
            key = (operation.name, asked, path, language.code, language.locale)

            def made(request: Request | None = None) -> PublicAnswer:
                del request
                told = operation.answer(self._site, language, asked, *path)
                headers = {"X-Robots-Tag": "noindex", "Content-Language": language.code}
                body = told.model_dump_json().encode()
                return PublicAnswer(response=Response(body, media_type="application/json", headers=headers))

            if getattr(asked, "near", None) is not None:  # a typed place is used once
                answer = (await run_in_threadpool(made)).response
            else:
                answer = await self._kept.answer(request, key, made)
            if any(getattr(asked, name, None) is not None for name in _TYPED):
                answer.headers["Cache-Control"] = "no-store"
            return answer

        return endpoint


def _allowed(path: str, methods: Sequence[str]) -> Route:
    """Return the route that says which methods a path takes."""
    allow = ", ".join([*methods, "OPTIONS"])

    async def endpoint(request: Request) -> Response:
        del request
        return Response(status_code=204, headers={"Allow": allow})

    return Route(path, endpoint, methods=["OPTIONS"])
