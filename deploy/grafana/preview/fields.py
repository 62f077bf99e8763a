"""Field configuration: what a panel's defaults and overrides say of one series or column."""

import re
from dataclasses import dataclass
from typing import Any, Final

from deploy.grafana.preview.units import written
from deploy.grafana.reading import Json

PALETTE: Final = (
    "#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#5794F2", "#B877D9", "#705DA0",
    "#37872D", "#FADE2A", "#447EBC", "#C15C17", "#CA95E5", "#3274D9", "#A352CC", "#56A64B",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """How one series or column is shown."""

    config: Json

    @classmethod
    def of(cls, panel: Json, name: str) -> "Field":
        """Defaults, then each override whose matcher fits."""
        source = panel.get("fieldConfig", {})
        config: Json = {**source.get("defaults", {})}
        custom = {**config.get("custom", {})}
        for override in source.get("overrides", []):
            if not _fits(override["matcher"], name):
                continue
            for each in override["properties"]:
                if each["id"].startswith("custom."):
                    custom[each["id"].removeprefix("custom.")] = each["value"]
                else:
                    config[each["id"]] = each["value"]
        return cls({**config, "custom": custom})

    @property
    def unit(self) -> str:
        """Grafana's name of it."""
        return str(self.config.get("unit", "none"))

    @property
    def custom(self) -> Json:
        """What is the panel type's own."""
        return dict(self.config.get("custom", {}))

    def text(self, value: float | None) -> str:
        """A mapped word, else the figure with its unit."""
        mapped = self._mapped(value)
        if mapped is not None and mapped.get("text"):
            return str(mapped["text"])
        return written(value, self.unit, self.config.get("decimals"))

    def word(self, text: str) -> str:
        """A text as a regular expression's mapping has it."""
        for mapping in self.config.get("mappings", []) or []:
            if mapping["type"] == "regex":
                result = mapping["options"]["result"]["text"].replace("$1", r"\1")
                text = re.sub(mapping["options"]["pattern"], result, text)
        return text

    def colour(self, value: float | None) -> str:
        """By mapping, else by the limit that was reached."""
        mapped = self._mapped(value)
        if mapped is not None and mapped.get("color"):
            return str(mapped["color"])
        reached = "#CCCCDC"
        for step in self.steps():
            if step["value"] is None or (value is not None and value >= step["value"]):
                reached = step["color"]
        return reached

    def fixed(self) -> str | None:
        """A colour of its own."""
        colour: Json = self.config.get("color") or {}
        return colour.get("fixedColor") if colour.get("mode") == "fixed" else None

    def steps(self) -> list[Json]:
        """Limits, ascending."""
        return list((self.config.get("thresholds") or {}).get("steps", []))

    def _mapped(self, value: float | None) -> Any:
        if value is None:
            return None
        key = str(int(value)) if value == int(value) else str(value)
        for mapping in self.config.get("mappings", []) or []:
            if mapping["type"] == "value" and key in mapping["options"]:
                return mapping["options"][key]
        return None


def _fits(matcher: Json, name: str) -> bool:
    if matcher["id"] == "byName":
        return bool(matcher["options"] == name)
    return re.search(str(matcher["options"]).strip("/"), name) is not None
