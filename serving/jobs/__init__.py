"""Work that is longer than a request: a durable queue in the service's own database, and who works it off."""

from serving.jobs.job import Job, JobState, QueueFull, ShareFull
from serving.jobs.queue import JobQueue

__all__ = ["Job", "JobQueue", "JobState", "QueueFull", "ShareFull"]
