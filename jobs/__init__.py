"""What does Stepstream run? Jobs of several steps, their workers, their log and its stream."""

from jobs.job import Job, JobFailed
from jobs.mark import worker

__all__ = ["Job", "JobFailed", "worker"]
