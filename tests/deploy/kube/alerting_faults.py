"""Faults of the way of an alert."""

from typing import Final

from tests.deploy.kube.planting import GONE, Fault, put, without

_CONFIG: Final = "AlertmanagerConfig/understudy"
_HOOK: Final = "spec|receivers|0|webhookConfigs|0"
_MONITOR: Final = "http://monitor.understudy.svc"
_ASKED: Final = "data|UNDERSTUDY_MONITOR_PROMETHEUS_URL"
_RULE: Final = "spec|groups|0|rules|0"

ALERTING: Final = [
    *(
        Fault(check, complaint, put(_CONFIG, path, value))
        for check, path, value, complaint in (
            ("telling", "spec|route|receiver", "pager", "routes to pager, which is nowhere"),
            ("telling", f"{_HOOK}|url", f"{_MONITOR}:8700/v1/alerts", "which is nowhere"),
            ("telling", f"{_HOOK}|url", "http://monitor:8702/v1/alerts", "which is nowhere"),
            (
                "telling",
                f"{_HOOK}|httpConfig|authorization|credentials|key",
                "alert_key",
                "has alert_key of Secret/understudy-alerts for a key",
            ),
            (
                "heard",
                "spec|inhibitRules|0|sourceMatch|0|value",
                "UnderstudyServingGone",
                "speaks of UnderstudyServingGone, which no alert is called",
            ),
        )
    ),
    Fault("telling", "where it does not get", without("NetworkPolicy/told-by-alertmanager")),
    Fault(
        "heard",
        "has namespace None, so AlertmanagerConfig/understudy is not about it",
        put("PrometheusRule/understudy-quality", f"{_RULE}|labels|namespace", GONE),
    ),
    Fault(
        "asking",
        "Deployment/monitor believes what it is told",
        put("ConfigMap/monitor", _ASKED, GONE),
    ),
    Fault(
        "asking",
        "where it does not get",
        put("ConfigMap/monitor", _ASKED, "http://prometheus-operated.monitoring.svc:9091"),
    ),
    Fault("asking", "where it does not get", without("NetworkPolicy/monitor-to-prometheus")),
]
