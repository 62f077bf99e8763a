"""Answers and labels in SQL, by URL: SQLite on one machine, PostgreSQL for several."""

from services.monitor.adapters.outcome_store.store import SqlOutcomes

__all__ = ["SqlOutcomes"]
