"""The pages of docs/reference that are written from the program itself (``python -m tests.reference_pages``).

Commands from their own help, settings from the configuration file that ships, events from the calls of the log, tables
from the models, the API from its description, what webhooks are told from its models.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from tests.tables import metadata
from trialalerts.cli.main import NOUNS, main
from trialalerts.hooks.events import EVENTS, TEST_EVENT, HookEvent, PingTold, ToldData
from trialalerts.operations.watch.words import KINDS
from trialalerts.settings import Settings
from trialalerts.web.api.description import describe_api

REPOSITORY = Path(__file__).resolve().parent.parent
REFERENCE = REPOSITORY / "docs" / "reference"
SOURCE = REPOSITORY / "src" / "trialalerts"
CONFIGURATION = REPOSITORY / "config" / "trialalerts.toml"
_INTRODUCTION = """# The command line

One noun, one verb. `--help` on each shows an example; `--json` on all that lists or shows prints JSON. Tables are
drawn for people; where the output is no terminal, lines are plain and separated by tabs. A command ends with 0 done,
1 failed, 2 wrong usage or configuration. Nothing is destroyed without `--yes` or a question.

`trialalerts --config FILE …` takes another configuration than `config/trialalerts.toml`.
"""


def help_of(*words: str) -> str:
    """Return what ``trialalerts … --help`` prints, 100 columns wide."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def verbs_of(page: str) -> list[str]:
    """Return the verbs that a noun's help page lists."""
    _, found, listed = page.partition("Commands:\n")
    indented = [line for line in listed.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    return [line.split()[0] for line in indented] if found else []


def commands_page() -> str:
    """Return the page of the commands."""
    os.environ["COLUMNS"] = os.environ["TERMINAL_WIDTH"] = "100"
    parts = [_INTRODUCTION]
    for noun, line in NOUNS.items():
        page = help_of(noun)
        parts.append(f"## {noun}\n\n{line}\n")
        commands: list[tuple[str, ...]] = [(noun, verb) for verb in verbs_of(page)]
        parts += [
            f"### trialalerts {' '.join(words)}\n\n```\n{help_of(*words)}\n```\n" for words in commands or [(noun,)]
        ]
    return "\n".join(parts)


def settings_page() -> str:
    """Return the page of the settings: each key of the shipped file with its default and what it says of it."""
    lines = [
        "# The configuration",
        "",
        "`config/trialalerts.toml`; any key can be given in `.env` or the environment as `TRIALALERTS_SECTION__KEY`.",
        "The environment wins over `.env`, which wins over the file. Passwords and the secret belong into `.env`.",
    ]
    for section, rows in _shipped_keys().items():
        model = Settings.model_fields[section].annotation if section in Settings.model_fields else None
        said = inspect.cleandoc(model.__doc__ or "") if inspect.isclass(model) else ""
        lines += ["", f"## [{section}]", "", *([said.splitlines()[0], ""] if said else [])]
        lines += ["| key | default | what it is |", "|---|---|---|"]
        lines += [f"| `{key}` | {_cell(default)} | {told.replace('|', chr(92) + '|')} |" for key, default, told in rows]
    return "\n".join(lines) + "\n"


def _cell(default: str) -> str:
    return f"`{default.replace('|', chr(92) + '|')}`"


def _shipped_keys() -> dict[str, list[tuple[str, str, str]]]:
    """Return section → rows of key, default and comment, as the shipped file has them."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    section = ""
    comment: list[str] = []
    for line in CONFIGURATION.read_text("utf-8").splitlines():
        if head := re.fullmatch(r"(?:# )?\[+([a-z]+)\]+", line):
            section, comment = head[1], []
        elif (key := re.fullmatch(r"# ([a-z_]+) = (.*?)(?:\s{2,}# (.*))?", line)) and section:
            rows = found.setdefault(section, [])
            if key[1] not in [row[0] for row in rows]:
                rows.append((key[1], key[2].strip(), " ".join([*comment, key[3] or ""]).strip()))
            comment = []
        elif (more := re.fullmatch(r"#\s{20,}# (.*)", line)) and section and found.get(section):
            key_, default, told = found[section][-1]
            found[section][-1] = (key_, default, f"{told} {more[1]}".strip())
        elif line.startswith("# ") and section:
            comment.append(line.removeprefix("# "))
    return found


def events_page() -> str:
    """Return the page of the log's events: level, name, what stands in the line, and where it is written."""
    lines = [
        "# Events of the log",
        "",
        "Each line is one event: its name, then `key=value` (`run --json-logs`: JSON). No address, no secret and",
        "nothing that somebody follows stands in any; people and mails are known by their numbers.",
        "",
        "| event | level | keys | written by |",
        "|---|---|---|---|",
    ]
    events: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for name, level, keys in _events_of(path):
            known = events.setdefault((name, level), (set(), set()))
            known[0].update(keys)
            known[1].add(path.relative_to(SOURCE).as_posix())
    for (name, level), (told, files) in sorted(events.items()):
        shown = ", ".join(f"`{key}`" for key in sorted(told))
        lines.append(f"| `{name}` | {level} | {shown} | {', '.join(f'`{file}`' for file in sorted(files))} |")
    return "\n".join(lines) + "\n"


def _events_of(path: Path) -> Iterator[tuple[str, str, list[str]]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        of_log = isinstance(node.func.value, ast.Name) and node.func.value.id == "log"
        first = node.args[0] if node.args else None
        if of_log and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value, node.func.attr, [each.arg for each in node.keywords if each.arg]


def tables_page() -> str:
    """Return the page of the tables: what each holds, and its columns."""
    models = {each.__tablename__: each for each in _models(SQLModel)}
    lines = ["# Tables of the database", "", "What each table holds. Times are UTC; a `?` marks what may be empty.", ""]
    for name, table in sorted(metadata().tables.items()):
        said = inspect.cleandoc(models[name].__doc__ or "").replace(":data:", "").replace(":class:", "")
        columns = [f"`{each.name}`{'?' if each.nullable else ''}" for each in table.columns]
        lines += [f"## {name}", "", said.replace("``", "`"), "", f"Columns: {', '.join(columns)}.", ""]
    return "\n".join(lines).rstrip() + "\n"


def _models(base: type[SQLModel]) -> Iterator[type[SQLModel]]:
    for each in base.__subclasses__():
        if getattr(each, "__tablename__", None) in metadata().tables and hasattr(each, "__table__"):
            yield each
        yield from _models(each)


def standstills_page() -> str:
    """Return the page of the kinds of standstills."""
    lines = [
        "# Kinds of standstills",
        "",
        "`/readyz` answers 503 while one that blocks holds. `[operator]` is told of each once it holds for",
        '`tell_after` (six hours; by kind: `tell_after = { default = "6h", overdue = "1h" }`),',
        "and once when it is over.",
        "",
        "| kind | what the operator reads | blocks | command |",
        "|---|---|---|---|",
    ]
    for kind, words in sorted(KINDS.items()):
        named = f"[`{kind}`](../how-to/when-something-stands-still.md#{kind})"
        lines.append(f"| {named} | {words.says} | {'yes' if words.blocks else ''} | `{words.command}` |")
    return "\n".join([*lines, "", "Other findings that `trialalerts doctor` shows are told by their kind alone.", ""])


_API = """# The API

Written from the API's own description, which `/api/v1/openapi.json` has as OpenAPI 3.1. It is there where `api.enabled`
is true; [how to use it](../how-to/use-the-api.md) has examples. All paths begin with `/api/v1`.

An error is problem details (RFC 9457, `application/problem+json`): `type` names its kind for programs, `detail` says it
in one line. A parameter that is unknown or makes no sense is 400, an unknown name or number 404, too many requests
429 with `Retry-After`. What nobody typed may be kept for ten minutes and has an `ETag`; what holds a typed place or
word is `no-store`. Each operation answers `HEAD` and `OPTIONS`, too.
"""


def api_page() -> str:
    """Return the page of the API: each operation with its parameters and answers, then what the answers hold."""
    described = describe_api(Settings())
    lines = [_API]
    for path, known in described["paths"].items():
        for method, operation in known.items():
            lines += [f"## {method.upper()} {path}", "", operation["summary"], ""]
            lines += [operation["description"], ""] if "description" in operation else []
            lines += _parameters(operation)
            lines += ["| status | what it means | body |", "|---|---|---|"]
            lines += [f"| {status} | {_told(each['description'])} | {_body(each)} |"
                      for status, each in operation["responses"].items()]  # fmt: skip
            lines.append("")
    for name, schema in described["components"]["schemas"].items():
        lines += [f"## {name}", "", _told(schema.get("description", "")), ""]
        lines += ["| field | type | what it is |", "|---|---|---|"]
        needed = schema.get("required", ())
        lines += [
            f"| `{field}`{'' if field in needed else '?'} | {_type(each)} | {_told(each.get('description', ''))} |"
            for field, each in schema["properties"].items()
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _parameters(operation: dict[str, Any]) -> list[str]:
    rows = [
        f"| `{each['name']}`{'' if each['required'] else '?'} | {each['in']} | {_type(each['schema'])} | "
        f"{_told(each.get('description', ''))} |"
        for each in operation.get("parameters", ())
    ]
    if body := operation.get("requestBody"):
        rows.append(f"| body | | {_body(body)} | {_told(body.get('description', ''))} |")
    return ["| parameter | where | type | what it is |", "|---|---|---|---|", *rows, ""]


def _body(told: dict[str, Any]) -> str:
    return ", ".join(_type(each["schema"]) for each in told.get("content", {}).values())


def _type(schema: dict[str, Any]) -> str:
    if named := schema.get("$ref"):
        name = named.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("anyOf"):
        return " or ".join(_type(each) for each in choices)
    if words := schema.get("enum"):
        return ", ".join(f"`{word}`" for word in words)
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    limits = [f"{said} {schema[key]}" for key, said in _LIMITS.items() if key in schema]
    kind = schema.get("format") or schema.get("type", "anything")
    return ", ".join([str(kind), *limits])


_LIMITS = {"minimum": "from", "maximum": "to", "maxLength": "at most", "default": "else"}


_WEBHOOKS = """# What a webhook is told

Written from the program itself; [how to use webhooks](../how-to/webhooks.md) says how to add one and verify a call.

A call is a POST of JSON with `type` (the event), `timestamp` (when it happened) and `data`, as Standard Webhooks has
it. Its headers are `webhook-id` (the same in each try), `webhook-timestamp` (of this try, in seconds) and
`webhook-signature` (one or, while a secret is changed, two, each `v1,` and base64 of HMAC-SHA256).

*Limited*: areas and regions of the webhook limit it. *Public*: it comes where no event is named.

| event | when it comes | data | limited | public |
|---|---|---|---|---|
"""


def webhooks_page() -> str:
    """Return the page of the webhooks: each event, then what the data of each hold."""
    lines = []
    known: dict[str, type[ToldData]] = {}
    for event, kind in {**EVENTS, TEST_EVENT: HookEvent(when="`trialalerts webhooks test`", data=PingTold)}.items():
        name = kind.data.__name__
        known[name] = kind.data
        marks = f"{'yes' if kind.limited else ''} | {'yes' if kind.public else ''}"
        lines.append(f"| `{event}` | {kind.when} | [{name}](#{name.lower()}) | {marks} |")
    for name, data in known.items():
        lines += ["", f"## {name}", "", _told(data.__doc__ or ""), "", "| field | type | what it is |", "|---|---|---|"]
        fields = data.model_json_schema(mode="serialization")["properties"]
        lines += [f"| `{field}` | {_type(each)} | {_told(each['description'])} |" for field, each in fields.items()]
    return _WEBHOOKS + "\n".join(lines) + "\n"


def _told(text: str) -> str:
    return " ".join(text.split()).replace("|", chr(92) + "|")


PAGES: dict[str, Callable[[], str]] = {
    "api.md": api_page,
    "commands.md": commands_page,
    "settings.md": settings_page,
    "events.md": events_page,
    "tables.md": tables_page,
    "standstills.md": standstills_page,
    "webhooks.md": webhooks_page,
}


if __name__ == "__main__":
    into = Path(sys.argv[1]) if sys.argv[1:] else REFERENCE
    for name, written in PAGES.items():
        (into / name).write_text(written(), encoding="utf-8")
