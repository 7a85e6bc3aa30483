"""What comes back: bounces and complaints."""

from __future__ import annotations
