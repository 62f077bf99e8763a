"""What may be chosen at the top of a dashboard."""

from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.frame import DATASOURCE

ALL: Final = model.VariableOption(text="All", value="$__all")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the services are, as a browser sees them."""

    serving: str = "http://127.0.0.1:8700"
    monitor: str = "http://127.0.0.1:8702"

    def variables(self) -> list[build.TextBoxVariable]:
        """Hidden variables, that a URL may set: `?var-serving=https://…`."""
        return [
            build.TextBoxVariable(name)
            .label(f"URL of {name}")
            .default_value(url)
            .current(model.VariableOption(text=url, value=url))
            .hide(model.VariableHide.HIDE_VARIABLE)
            for name, url in (("serving", self.serving), ("monitor", self.monitor))
        ]


def datasource() -> build.DatasourceVariable:
    """Which Prometheus is asked."""
    preset = model.VariableOption(text="Prometheus", value="prometheus")
    return (
        build.DatasourceVariable("datasource")
        .label("Prometheus")
        .type("prometheus")
        .current(preset)
    )


def one(name: str, label: str, values: str, preset: str = "") -> build.QueryVariable:
    """One of the label's values."""
    variable = _asked(name, label, values)
    return variable.current(model.VariableOption(text=preset, value=preset)) if preset else variable


def several(name: str, label: str, values: str) -> build.QueryVariable:
    """Any of the label's values; all, to begin with."""
    return _asked(name, label, values).multi(multi=True).include_all(include_all=True).current(ALL)


def roles() -> build.CustomVariable:
    """Main, challenger or both."""
    choice = build.CustomVariable("role").label("Role").values("main,challenger")
    return choice.multi(multi=True).include_all(include_all=True).current(ALL)


def _asked(name: str, label: str, values: str) -> build.QueryVariable:
    variable = build.QueryVariable(name).label(label).datasource(DATASOURCE)
    variable.query({"qryType": 1, "query": values, "refId": name})
    variable.sort(model.VariableSort.ALPHABETICAL_ASC)
    return variable.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
