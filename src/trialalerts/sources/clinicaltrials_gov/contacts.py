"""The reading of contacts: of a study as a whole, and of each of its sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialalerts.sources.fields import Fields

__all__ = ["read_contacts"]

_ROLES = {"PRINCIPAL_INVESTIGATOR": "investigator"}
_NOT_ASKED = frozenset({"SUB_INVESTIGATOR"})


def read_contacts(node: Mapping[str, Any], key: str, fields: Fields, where: str) -> list[dict[str, Any]]:
    """Return contacts as the values of :class:`~trialalerts.catalog.facts.Contact`, in the registry's order."""
    return [
        contact
        for path, raw in fields.records(node, key, where)
        if raw.get("role") not in _NOT_ASKED and (contact := _contact(raw, fields, path))
    ]


def _contact(raw: Mapping[str, Any], fields: Fields, path: str) -> dict[str, Any] | None:
    phone = fields.line(raw, "phone", path)
    extension = fields.line(raw, "phoneExt", path) if phone else None
    name, email = fields.line(raw, "name", path), fields.line(raw, "email", path)
    if not (name or phone or email):
        return None
    role = _ROLES.get(str(raw.get("role")))
    return {"name": name, "phone": f"{phone} ext. {extension}" if extension else phone, "email": email, "role": role}
