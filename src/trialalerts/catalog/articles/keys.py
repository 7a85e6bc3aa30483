"""Keys by which an article is recognised wherever it appears: its page, its DOI, its number in PubMed.

They hold against what changes from fetch to fetch: scheme, ``www.``, ports, fragments, tracking parameters and session
ids. RFC 3986 (section 6) says which spellings of an address are one; DOIs are compared without case (DOI Handbook,
2.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

__all__ = ["article_keys", "link_key"]

_NOISE = re.compile(
    r"utm_\w+|fbclid|gclid|gclsrc|dclid|[gw]braid|msclkid|yclid|twclid|ttclid|igshi?d?|mc_[ce]id|_hs\w+|hsctatracking"
    r"|mkt_tok|ncid|cmpid?|s_cid|af|at_\w+|_ga|_gl|vero_\w+|oly_\w+_id|wt\.\w+|piwik_\w+|mtm_\w+|pk_\w+|trk|spm"
    r"|s?rss|feed|source|ref|referrer|fc|ff",
    re.IGNORECASE,
)
_SESSION = re.compile(
    r"(?:php|asp|j)?sess(?:ion)?[_-]?id\w*|aspsessionid\w*|s_?id|cfid|cftoken|zenid|oscsid", re.IGNORECASE
)
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*", re.IGNORECASE)
_INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?)$", re.IGNORECASE)
_SAFE_IN_PATH = "/:@!$&'()*+,;=~-._"
_DEFAULT_PORTS = {None, 80, 443}

_DOI = re.compile(r"(?<![\w.])10\.\d{4,9}/[^\s?#\"<>\\^`{}|]+", re.IGNORECASE)
_DOI_PLACE = re.compile(r"\s*(?:doi:\s*|info:doi/)?(?=10\.\d{4,9}/)|https?://", re.IGNORECASE)
_DOI_TAIL = re.compile(
    r"(?:/(?:full|fulltext|full\.html|abstract|abs|pdf|epdf|pdfdirect|epub|meta|html|xml|summary|references|tables|figures)"
    r"|\.(?:pdf|full|abstract|html?|short|full-text)|[.,;:/]+)$",
    re.IGNORECASE,
)
_PREPRINT_VERSION = re.compile(  # bioRxiv and medRxiv, Research Square, Preprints.org, Authorea, ChemRxiv, OSF; F1000
    r"(10\.1101/[\d.]+|10\.21203/rs\.\d\.[\w-]+|10\.20944/preprints\d+\.\d+|10\.22541/au\.\d+\.\d+"
    r"|10\.26434/chemrxiv[\w.-]+?|10\.\d{4,9}/osf\.io/[a-z\d]+)[/._-]?v\d+(?![a-z\d]).*"
    r"|(10\.12688/[a-z\d]+\.\d+)\.\d+(?![a-z\d]).*",
    re.IGNORECASE,
)
_PREPRINT = re.compile(  # the same servers, and Europe PMC's own number of one
    r"\b10\.(?:1101/[\d.]+|21203/rs\.|20944/preprints|22541/au\.|26434/chemrxiv|\d{4,9}/osf\.io/)"
    r"|europepmc\.org/article/PPR/|\bPPR:?\d",
    re.IGNORECASE,
)
_JOURNAL_ISSN = re.compile(r"10\.\d{4,9}/\(issn\)|10\.\d{4,9}/issn[.-]", re.IGNORECASE)
_PMID = re.compile(
    r"\s*(?:pmid|pubmed):\s*(\d{1,9})\s*"
    r"|https?://(?:www\.)?(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/pubmed)/(\d{1,9})(?![\w.-]).*",
    re.IGNORECASE,
)


def is_preprint(names: Iterable[str]) -> bool:
    """Tell whether one of an article's addresses or identifiers is that of a server of preprints.

    >>> is_preprint(["https://doi.org/10.1101/2026.01.02.26300001"]), is_preprint(["https://doi.org/10.5555/x"])
    (True, False)
    """
    return any(_PREPRINT.search(name) for name in names)


def article_keys(*, links: Iterable[str] = (), identifiers: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the keys of an article, each once: ``link:…``, ``doi:…``, ``pmid:…``.

    Args:
        links: absolute addresses that lead to this article and to no other; those of a whole site give no key.
        identifiers: what else names it: its id, ``dc:identifier``, ``prism:doi``; what is no DOI or PMID gives no key.
    """
    links = [link for link in links if link]
    found: dict[str, None] = {}
    for text in (*identifiers, *links):
        if pmid := _pmid(text):
            found[f"pmid:{pmid}"] = None
        if doi := _doi(text):
            found[f"doi:{doi}"] = None
    for link in links:
        key = link_key(link)
        if "/" in key.rstrip("/") or "?" in key:
            found[f"link:{key}"] = None
    return tuple(found)


def link_key(url: str) -> str:
    """Return what identifies the page behind a link; an empty text for an empty one."""
    parts = urlsplit(url)
    kept = sorted(
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if not _is_noise(name)
    )
    query = f"?{urlencode(kept)}" if kept else ""
    fragment = f"#{parts.fragment}" if parts.fragment.startswith(("!", "/")) else ""  # pages that are one program
    return f"{_host(url)}{_path(parts.path)}{query}{fragment}"


def _is_noise(parameter: str) -> bool:
    return bool(_NOISE.fullmatch(parameter) or _SESSION.fullmatch(parameter))


def _host(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    host = (parts.hostname or "").removeprefix("www.").rstrip(".")
    with suppress(UnicodeError):  # else no name of a host, but one text is as good as another to compare
        host = host if host.isascii() else host.encode("idna").decode()
    return host if port in _DEFAULT_PORTS else f"{host}:{port}"


def _path(path: str) -> str:
    spelt = quote(
        unquote(_SESSION_IN_PATH.sub("", path), errors="surrogateescape"), _SAFE_IN_PATH, errors="surrogateescape"
    )
    return _INDEX.sub("", spelt).rstrip("/")


def _doi(text: str) -> str:
    if not _DOI_PLACE.match(text):
        return ""  # a text that only mentions one
    found = _DOI.search(unquote(text))
    if not found or _JOURNAL_ISSN.match(found[0]):
        return ""
    doi = _SESSION_IN_PATH.sub("", found[0]).lower()
    doi = _PREPRINT_VERSION.sub(r"\1\2", doi)
    while (shorter := _DOI_TAIL.sub("", doi)) != doi:
        doi = shorter
    return doi if "/" in doi and not doi.endswith("/") else ""


def _pmid(text: str) -> str:
    found = _PMID.fullmatch(text)
    return (found[1] or found[2]).lstrip("0") if found else ""
