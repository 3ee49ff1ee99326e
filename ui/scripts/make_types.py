"""Writes src/api/schema.ts: the structs and operations of the interface, from the OpenAPI document.

Run with Tidemill installed: `python ui/scripts/make_types.py`. A test fails where the file contradicts the document.
"""

import json
import re
from pathlib import Path
from typing import Any

from tidemill.api.openapi import schemas_of
from tidemill.api.table import OPERATIONS

FILE = Path(__file__).parents[1] / "src" / "api" / "schema.ts"
HEAD = "// Made by scripts/make_types.py from the operation table. Do not edit.\n\n"
Json = dict[str, Any]


def kind(schema: Json) -> str:
    """A schema as a TypeScript type."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    if "anyOf" in schema and "properties" not in schema:
        return " | ".join(dict.fromkeys(kind(one) for one in schema["anyOf"]))
    match schema.get("type"):
        case "array":
            inner = kind(schema["items"]) if "items" in schema else "unknown"
            return f"({inner})[]" if "|" in inner else f"{inner}[]"
        case "object" if "properties" not in schema:
            extra = schema.get("additionalProperties")
            return f"Record<string, {kind(extra) if isinstance(extra, dict) else 'unknown'}>"
        case "string":
            return "string"
        case "integer" | "number":
            return "number"
        case "boolean":
            return "boolean"
        case "null":
            return "null"
    return "unknown"


def struct(name: str, schema: Json) -> str:
    """A named schema as an interface or a type."""
    about = " ".join(schema.get("description", "").split("\n\n")[0].split()).replace("*/", "* /")
    head = f"/** {about} */\n" if about else ""
    if "properties" not in schema:
        return f"{head}export type {name} = {kind(schema)};\n"
    required = set(schema.get("required", ()))
    lines = [f"  {key}{'' if key in required else '?'}: {kind(one)};" for key, one in schema["properties"].items()]
    return f"{head}export interface {name} {{\n" + "".join(f"{line}\n" for line in lines) + "}\n"


def render() -> str:
    """The whole file."""
    schemas = schemas_of(OPERATIONS.values())
    parts = [struct(name, schema) for name, schema in sorted(schemas.items())]
    types = "".join(f'  "{op.name}": [{op.input.__name__}, {op.output.__name__}];\n' for op in OPERATIONS.values())
    rows = "".join(
        f'  "{op.name}": {{ verb: "{op.verb}", path: "{op.path}", writes: {json.dumps(op.writes)} }},\n'
        for op in OPERATIONS.values()
    )
    parts.append(f"/** What each operation takes and answers. */\nexport interface Operations {{\n{types}}}\n")
    parts.append(f"/** Where each operation is. */\nexport const ROUTES = {{\n{rows}}} as const;\n")
    return HEAD + "\n".join(parts)


def blocks(text: str) -> set[str]:
    """The file's parts, and the single rows of its tables: what a test compares."""
    found = set(re.findall(r"^export (?:interface|type) \w+ (?:\{.*?^\}|=.*?;$)", text, re.DOTALL | re.MULTILINE))
    found = {one for one in found if "interface Operations" not in one}
    return found | set(re.findall(r'^  "[a-z_.]+": .*$', text, re.MULTILINE))


if __name__ == "__main__":
    FILE.write_text(render())
