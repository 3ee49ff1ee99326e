"""Model cards: what the registry knows of a version, as Markdown for people."""

import datetime
from collections.abc import Iterable, Sequence

from tidemill.tracking.client import Client
from tidemill.tracking.entities import ModelVersion
from tidemill.types.model_records import Hold, Lineage

_MOST = 50


def model_card(client: Client, name: str, version: str | int) -> str:
    """The card of a version: description, origin, metrics, params, data, environment, history. Raises NotFound.

    Only what is known is shown. Texts of users are escaped, so that none of them is taken for Markdown or HTML; the
    descriptions, which are Markdown, stand as they are.
    """
    model = client.get_registered_model(name)
    found = client.get_model_version(name, version)
    lineage = client.get_lineage(name, version)
    # A version compared with itself: everything that is known of it.
    known = client.compare_model_versions(name, version, version)
    params = _params(client, lineage)
    parts = [
        f"# {_plain(name)}, version {found.version}",
        *_texts(model.description, found.description),
        _table(("", ""), _facts(found, lineage, known.size.left)),
        *_section("Metrics", ("metric", "value"), [(one.key, _number(one.left)) for one in known.metrics]),
        *_section("Params", ("param", "value"), params),
        *_section("Data", ("data set", "digest", "source", "used for"), _data(lineage)),
        *_requirements(lineage.environment.requirements if lineage.environment else ()),
        *_section("History", ("held", "since", "until", "by", "why"), _history(client, found)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _texts(*texts: str | None) -> list[str]:
    return [text.strip() for text in texts if text and text.strip()]


def _facts(found: ModelVersion, lineage: Lineage, size: int | None) -> list[tuple[str, str]]:
    code, environment = lineage.code, lineage.environment
    changed = " with changes" if code and code.changed else ""
    return [
        ("created", f"{_moment(found.creation_timestamp)} {f'by {found.user_id}' if found.user_id else ''}".strip()),
        ("stage", found.current_stage if found.current_stage != "None" else ""),
        ("aliases", ", ".join(found.aliases)),
        ("tags", ", ".join(f"{key}={value}" for key, value in found.tags.items())),
        ("source", found.source),
        ("logged model", lineage.logged_model.model_id if lineage.logged_model else ""),
        ("run", f"{lineage.run.run_id} ({lineage.run.run_name})" if lineage.run else ""),
        ("code", code.source if code else ""),
        ("commit", f"{code.commit}{changed} {code.repository}".strip() if code and code.commit else ""),
        ("Python", environment.python if environment else ""),
        ("platform", environment.platform if environment else ""),
        ("size", f"{size:,} bytes" if size else ""),
        ("serves as", ", ".join(f"{one.name} ({one.status})" for one in lineage.deployments)),
    ]


def _params(client: Client, lineage: Lineage) -> list[tuple[str, str]]:
    if lineage.logged_model is not None:
        model = client.search_logged_models(
            [lineage.logged_model.experiment_id], f"attributes.model_id = '{lineage.logged_model.model_id}'"
        )
        if model and model[0].params:
            return sorted(model[0].params.items())
    return sorted(client.get_run(lineage.run.run_id).data.params.items()) if lineage.run is not None else []


def _data(lineage: Lineage) -> list[tuple[str, ...]]:
    return [
        (
            one.dataset.name,
            one.dataset.digest,
            one.dataset.source,
            ", ".join(tag.value for tag in one.tags if tag.key == "mlflow.data.context"),
        )
        for one in lineage.datasets
    ]


def _history(client: Client, found: ModelVersion) -> list[tuple[str, ...]]:
    def row(hold: Hold) -> tuple[str, ...]:
        until = _moment(hold.until) if hold.until is not None else "now"
        return hold.alias or hold.stage, _moment(hold.since), until, hold.set_by, hold.set_reason

    return [row(one) for one in client.get_model_history(found.name, version=found.version, max_results=_MOST)]


def _requirements(lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    # An indented block takes every line as it is.
    return ["## Requirements", "\n".join(f"    {_one_line(line)}" for line in lines)]


def _section(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    more = [f"… and {len(rows) - _MOST} more."] if len(rows) > _MOST else []
    return [f"## {title}", _table(heads, rows[:_MOST]), *more]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    shown = [row for row in rows if any(row[1:])]
    lines = [heads, ["---"] * len(heads), *([_plain(cell) for cell in row] for row in shown)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plain(text: str) -> str:
    """A text that Markdown takes for nothing else."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|#!" else char for char in _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _moment(ms: int) -> str:
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
