"""The monitor's routes, a module for each noun. All but the probes ask for a key."""

from services.monitor.api.routes import Surface, monitor_routes

__all__ = ["Surface", "monitor_routes"]
