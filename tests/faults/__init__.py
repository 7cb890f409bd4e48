"""Faults injected for real: ``python -m tests.faults.NAME`` prints what it measured, and fails on a broken promise."""
