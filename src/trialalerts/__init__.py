"""TrialAlerts tells people by e-mail about clinical trials and research in their disease area, near them."""

from __future__ import annotations

__version__ = "0.2.0"
