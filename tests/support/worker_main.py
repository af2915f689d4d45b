"""The worker's process with one more handler and one more section: `python -m tests.support.worker_main`."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloud.settings")

import django

django.setup()

from cloud import wiring  # noqa: E402
from cloud.admin.kit import registry  # noqa: E402
from cloud.worker.process import run_until_signalled  # noqa: E402
from tests.support.worker_jobs import DEADLY, die_once  # noqa: E402

wiring.HANDLERS["test.event"] = (die_once,)
registry.register(DEADLY)
run_until_signalled()
