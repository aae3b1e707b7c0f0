"""What the stand-in Hub says of the metadata in a card."""

from __future__ import annotations

import yaml


def front_matter_errors(text: str) -> list[str]:
    """What the Hub would say of a card's metadata: it has to be YAML, and the fields that it reads have their types."""
    try:
        data = yaml.safe_load(text.split("---")[1]) if text.startswith("---\n") else {}
    except yaml.YAMLError as error:
        return [str(error)]
    errors = [f'"{name}" must be an array' for name in ("tags", "datasets", "metrics")
              if not isinstance(data.get(name, []), list)]  # fmt: skip
    if len(data.get("short_description", "")) > 60:
        errors.append('"short_description" is too long')
    if data.get("license") == "other" and not data.get("license_name"):
        errors.append('"license_name" is required')
    for model in data.get("model-index", []):
        for result in model["results"]:
            if not {"task", "dataset", "metrics"} <= set(result) or not {"type", "name"} <= set(result["dataset"]):
                errors.append('"model-index" is malformed')
    return errors
