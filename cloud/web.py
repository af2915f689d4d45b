"""The web process: gunicorn with threads, and the files it serves."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from gunicorn.app.base import BaseApplication

from cloud.admin.translations import compile_catalogs

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
    """Collects the static files and compiles the translations; only what is newer than what was made of it."""
    call_command("collectstatic", interactive=False, verbosity=0)
    compile_catalogs()
