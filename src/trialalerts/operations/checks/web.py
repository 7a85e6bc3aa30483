"""What the doctor asks of the public web address: does it answer, and does a one-click POST come through?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from urllib.parse import urlsplit

from trialalerts.net.posting import NoAnswer, NotConnected, PostClient, PostRequest
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.checks.outside import Question
from trialalerts.settings import ServiceSettings, Settings
from trialalerts.subscribers.links import Links

__all__ = ["web_questions"]

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_DEFAULT = ServiceSettings().base_url
_OK = 200
_WHY = "links in mails lead there: nobody can confirm, unsubscribe or change anything"
_WHY_ONE_CLICK = "mail programs unsubscribe by such a POST; where it fails, people click “spam” instead"
_START = "start the daemon with the role web, and see to it that the proxy before it leads there: trialalerts run"


def web_questions(settings: Settings) -> Mapping[str, Question]:
    """Return what is asked of ``service.base_url``: nothing while it is the default on this machine."""
    base, secret = settings.service.base_url, settings.service.secret.get_secret_value()
    if base == _DEFAULT or not secret:
        return {}
    return {
        "the web address": partial(_page, settings),
        "one-click unsubscribing": partial(_one_click, settings),
    }


def _page(settings: Settings, seconds: float) -> Iterator[DoctorCheck]:
    base = settings.service.base_url
    asked = PostRequest(url=f"{base}/healthz", body=b"", headers={}, method="GET")
    found = _asked(base, asked, seconds)
    if isinstance(found, DoctorCheck):
        yield found
    elif found == _OK:
        yield DoctorCheck(level="good", what=f"the web pages answer at {base}")
    else:
        yield DoctorCheck(level="broken", what=f"{base}/healthz answered HTTP {found}", why=_WHY, remedy=_START)


def _one_click(settings: Settings, seconds: float) -> Iterator[DoctorCheck]:
    """Try a link that belongs to nobody, as a mail program does (RFC 8058): no redirects, no cookies."""
    base = settings.service.base_url
    asked = PostRequest(
        url=Links(settings).one_click_of_nobody(),
        body=b"List-Unsubscribe=One-Click",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    found = _asked(base, asked, seconds)
    if isinstance(found, DoctorCheck):
        return  # said of the pages already
    if found == _OK:
        yield DoctorCheck(level="good", what=f"one-click unsubscribing at {base} answers 200")
    else:
        yield DoctorCheck(
            level="broken",
            what=f"one-click unsubscribing at {base} answered HTTP {found}, expected 200",
            why=_WHY_ONE_CLICK,
            remedy="let POST requests to /unsubscribe/ through the proxy as they are, without redirects or questions; "
            "is service.secret the one of the daemon?",
        )


def _asked(base: str, request: PostRequest, seconds: float) -> int | DoctorCheck:
    """Return the status of an answer, or what to say where there is none."""
    http = PostClient(timeout=seconds, secret=request.url)
    try:
        return http.post(request).status
    except NotConnected as error:
        here = urlsplit(base).hostname in _LOOPBACK
        return DoctorCheck(
            level="look" if error.no_network or here else "broken",
            what=f"the web pages cannot be reached at {base}: {error}",
            why=_WHY,
            remedy=_START,
        )
    except NoAnswer as error:
        return DoctorCheck(level="look", what=f"{base} {error}", why=_WHY, remedy=_START)
    finally:
        http.close()
