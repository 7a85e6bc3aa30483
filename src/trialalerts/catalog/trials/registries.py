"""The names of registries: how a reader knows them, by the names under which their records are stored."""

from __future__ import annotations

__all__ = ["called"]

_NAMES = {
    "cancer.gov": "National Cancer Institute (NCI)",
    "clinicaltrials.gov": "ClinicalTrials.gov",
    "euclinicaltrials.eu": "EU Clinical Trials (CTIS)",
    "isrctn.com": "ISRCTN",
    "who.int": "WHO ICTRP",
}


def called(registry: str) -> str:
    """Return what a registry is called; one that is not known here by the name that its source has.

    >>> called("isrctn.com"), called("leeds-hospitals")
    ('ISRCTN', 'leeds-hospitals')
    """
    return _NAMES.get(registry, registry)
