"""The web process: gunicorn with threads, and the files it serves."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.core.management import call_command
from gunicorn.app.base import BaseApplication

logger = logging.getLogger(__name__)

GRACE_S = 3


class Web(BaseApplication):
    """gunicorn, told by arguments instead of a file."""

    def __init__(self, *, bind: str, workers: int, threads: int) -> None:
        self._options = {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "worker_class": "gthread",
            "graceful_timeout": GRACE_S,
            "control_socket_disable": True,
            "proc_name": "paifang web",
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        from cloud.wsgi import application

        return application


def prepare_files() -> None:
    """Collects the static files and compiles the translations that are newer than what was made of them."""
    call_command("collectstatic", interactive=False, verbosity=0)
    for folder in settings.LOCALE_PATHS:
        for source in Path(folder).glob("*/LC_MESSAGES/*.po"):
            compile_translation(source)


def compile_translation(source: Path) -> Path:
    """django.po -> django.mo beside it, replaced in one step: two processes may do it at once."""
    target = source.with_suffix(".mo")
    if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
        return target
    with source.open("rb") as text:
        catalog = read_po(text)
    fresh = target.with_suffix(f".{os.getpid()}")
    with fresh.open("wb") as binary:
        write_mo(binary, catalog)
    fresh.replace(target)
    return target
