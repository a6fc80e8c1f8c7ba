"""Make the schemas in ``schemas/`` from OpenAPI documents: what a call takes and answers, and no text of theirs.

    python tests/contract/make_schemas.py OPENAPI.json > tests/contract/schemas/NAME.json

A schemas' file is one object: ``calls`` holds, by ``METHOD /path/{name}``, the ``parameters`` by their names, the
``body`` and the ``answers`` by their status, each a JSON schema by its content type or null where nothing is sent;
``needs_body`` stands where a call must have one, and ``$defs`` is what the schemas refer to. Calls that no document
has are added to a file by hand; ``schemas/jenkins.json`` is written by hand as a whole.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")
_FACTS = frozenset({
    "type", "required", "enum", "const", "format", "minimum", "maximum", "minLength", "maxLength", "minItems",
    "maxItems", "uniqueItems", "pattern",
})  # fmt: skip
_INSIDE = ("items", "additionalProperties")
_CHOICES = ("anyOf", "oneOf", "allOf")

Schema = dict[str, Any]


def made_from(document: Schema) -> Schema:
    """Return the schemas of an OpenAPI document, version 3.0 or 3.1."""
    calls = {
        f"{method.upper()} {path}": _call(document, operations[method])
        for path, operations in document["paths"].items()
        for method in _METHODS
        if method in operations
    }
    definitions = {name: _facts(schema) for name, schema in document["components"]["schemas"].items()}
    return {"calls": calls, "$defs": definitions}


def written(schemas: Schema) -> str:
    """Return schemas as they stand in a file: one line a call and a definition."""
    parts = []
    for part, value in schemas.items():
        entries = ",\n".join(f"    {json.dumps(name)}: {json.dumps(entry)}" for name, entry in value.items())
        parts.append(f"  {json.dumps(part)}: {{\n{entries}\n  }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _call(document: Schema, operation: Schema) -> Schema:
    parameters = [_resolved(document, each) for each in operation.get("parameters", [])]
    answers = {status: _resolved(document, each) for status, each in operation["responses"].items()}
    call: Schema = {"parameters": {each["name"]: _facts(each["schema"]) for each in parameters}}
    if "requestBody" in operation:
        call["body"] = _by_content_type(operation["requestBody"])
        call["needs_body"] = operation["requestBody"].get("required", False)
    call["answers"] = {status: _by_content_type(answer) for status, answer in answers.items()}
    return call


def _resolved(document: Schema, value: Schema) -> Schema:
    """Return a parameter or an answer, wherever it is described."""
    while "$ref" in value:
        _, _, kind, name = value["$ref"].split("/")
        value = document["components"][kind][name]
    return value


def _by_content_type(value: Schema) -> Schema | None:
    content = value.get("content")
    return None if content is None else {name: _facts(each["schema"]) for name, each in content.items()}


def _facts(schema: Schema) -> Schema:
    """Return what a schema demands, without descriptions and examples, in JSON Schema's own words."""
    if "$ref" in schema:
        facts: Schema = {"$ref": schema["$ref"].replace("#/components/schemas/", "#/$defs/")}
    else:
        facts = {key: value for key, value in schema.items() if key in _FACTS}
        if "properties" in schema:
            facts["properties"] = {name: _facts(value) for name, value in schema["properties"].items()}
        for key in _INSIDE:
            if key in schema:
                facts[key] = _facts(schema[key]) if isinstance(schema[key], dict) else schema[key]
        for key in _CHOICES:
            if key in schema:
                facts[key] = [_facts(each) for each in schema[key]]
    if not schema.get("nullable", False):
        return facts
    return {"anyOf": [facts, {"type": "null"}]}  # how JSON Schema says OpenAPI 3.0's nullable


if __name__ == "__main__":
    sys.stdout.write(written(made_from(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
