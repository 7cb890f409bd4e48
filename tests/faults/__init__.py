"""Faults injected for real: ``python -m tests.faults.NAME`` measures, and fails on a broken promise."""
