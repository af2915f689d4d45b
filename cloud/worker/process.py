"""The process: one thread for the jobs, the main thread for the ticks, a clean end on SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading

from django.db import connections
from django_tasks_db.management.commands.db_worker import Worker

from cloud.worker import jobs
from cloud.worker.ticks import Clockwork

logger = logging.getLogger(__name__)

JOBS_EVERY_S = 0.2
AFTER_TROUBLE_S = 1.0
JOIN_S = 10.0  # how long a running job may take to finish when the process is to end


class Process:
    """`run` returns after `stop`."""

    def __init__(self, clockwork: Clockwork | None = None) -> None:
        self._clockwork = clockwork or Clockwork()
        self._stopping = threading.Event()
        self._jobs = Worker(
            queue_names=["*"],
            interval=JOBS_EVERY_S,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=jobs.worker_name(),
            excluded_queue_names=[],
        )

    def stop(self) -> None:
        """Safe to call from a signal handler and from any thread."""
        self._jobs.running = False
        self._stopping.set()

    def run(self) -> None:
        working = threading.Thread(target=self._work, name="jobs", daemon=True)
        working.start()
        logger.info("ready")
        while not self._stopping.is_set():
            self._stopping.wait(self._clockwork.run_due())
        working.join(JOIN_S)
        if working.is_alive():
            # It is left running: another worker, or this one after its next start, puts it back and starts it anew.
            logger.warning("a job did not finish within %.0f s", JOIN_S)
        connections.close_all()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self._jobs.run()
            except Exception:
                logger.exception("the jobs' thread failed; it goes on")
                self._stopping.wait(AFTER_TROUBLE_S)
            finally:
                connections.close_all()


def run_until_signalled() -> None:
    process = Process()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    process.run()
