"""What the tests of tagging share: a tagger of all that ships with the program."""

from __future__ import annotations

import pytest

from trialalerts.vocabulary.tagging.tagger import Tagger


@pytest.fixture
def tagger(shipped_tagger: Tagger) -> Tagger:
    """The tagger that the program would read with after ``init``."""
    return shipped_tagger
