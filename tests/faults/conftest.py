"""The undisturbed run that every disturbed one is held against."""

from __future__ import annotations

from tests.spark_jobs.conftest import small_run

__all__ = ["small_run"]
