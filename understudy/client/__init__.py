"""Typed HTTP clients: for services, the command line, tests and outsiders."""

from understudy.client.errors import ClientError, ProblemError, UnreachableError
from understudy.client.monitor import MonitorClient
from understudy.client.oauth import ClientCredentials
from understudy.client.registry import RegistryClient
from understudy.client.serving import ServingClient

__all__ = [
    "ClientCredentials",
    "ClientError",
    "MonitorClient",
    "ProblemError",
    "RegistryClient",
    "ServingClient",
    "UnreachableError",
]
