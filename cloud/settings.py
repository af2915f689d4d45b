"""Django's settings, read from the environment (PAIFANG_*) with embedded defaults under ./var."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext_lazy as _
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(BaseSettings):
    """What an installation sets. Every field is PAIFANG_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="PAIFANG_", extra="ignore")

    var: Path = Path("var")
    database_url: str = ""  # postgresql://user:password@host:port/name; empty: SQLite in var
    secret_key: str = ""  # empty: made once, kept in var/secrets/django.key
    seal_key_file: Path | None = None  # 32 random bytes, hex; default var/secrets/seal.key, made once
    allowed_hosts: str = "localhost,127.0.0.1,[::1]"
    debug: bool = False
    secure_cookies: bool = False  # true behind TLS
    proxy_count: int = 0
    require_second_factor: Literal["nobody", "power", "everybody"] = "nobody"  # at the least; a venue may ask more
    session_hours: int = 24  # after which everybody logs in again
    session_idle_minutes: int = 480  # an open live page keeps asking and is not idle
    rpc_enrol_address: str = "127.0.0.1:8443"
    rpc_gates_address: str = "127.0.0.1:8444"
    rpc_public_host: str = ""  # the name or address edges reach this machine by; empty: the gates address's host
    feed_keep_hours: int = 72  # numbered feed rows are kept at least this long
    feed_keep_silent_days: int = 30  # and no longer than this for an edge that does not ack
    snapshot_expired_days: int = 7  # a snapshot still has what ended this lately, so that a gate can say "expired"
    id_days_ahead: int = 3  # gates learn the ID numbers of tickets this many days before they are valid
    offline_days: int = 3  # gates hold the keys of rotating passes for so many days to come
    job_keep_hours: int = 48  # files of background jobs (exports, reports) are kept this long
    media: Path | None = None  # what people upload; none: var/media
    emulators_control: Path | None = None  # the demo's emulator sockets; none outside a demo


environment = Environment()
VAR = environment.var.absolute()
SECRETS = VAR / "secrets"
EMULATORS_CONTROL = environment.emulators_control
FEED_KEEP_HOURS = environment.feed_keep_hours
FEED_KEEP_SILENT_DAYS = environment.feed_keep_silent_days
SNAPSHOT_EXPIRED_DAYS = environment.snapshot_expired_days
ID_DAYS_AHEAD = environment.id_days_ahead
OFFLINE_DAYS = environment.offline_days
JOB_KEEP_HOURS = environment.job_keep_hours


def _kept_secret(name: str) -> str:
    """A secret made on first use and kept in var/secrets, readable by its owner only."""
    import os
    import secrets

    path = SECRETS / name
    SECRETS.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32))
        try:
            os.link(fresh, path)  # of two processes starting at once the first one's secret stays
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


def _database(url: str) -> dict[str, object]:
    if not url:
        VAR.mkdir(parents=True, exist_ok=True)
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": VAR / "paifang.sqlite3",
            "CONN_MAX_AGE": 60,
            "TEST": {"NAME": VAR / "test.sqlite3"},  # a file: threads of race tests share it
            # The default DEFERRED fails concurrent writers with "database is locked".
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or 5432,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # Compiling a list's query takes PostgreSQL longer than running it.
        "OPTIONS": {"options": "-c jit=off"},
    }


SECRET_KEY = environment.secret_key or _kept_secret("django.key")
SEAL_KEY = bytes.fromhex(
    environment.seal_key_file.read_text().strip() if environment.seal_key_file else _kept_secret("seal.key")
)
DEBUG = environment.debug
ALLOWED_HOSTS = environment.allowed_hosts.split(",")
DATABASES = {"default": _database(environment.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "staff.Employee"
ROOT_URLCONF = "cloud.urls"
WSGI_APPLICATION = "cloud.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_scopes",
    "django_htmx",
    "django_include_bootstrap",
    "django_tasks",
    "django_tasks_db",
    "axes",
    "django_otp",
    "cloud.core",
    "cloud.venues",
    "cloud.staff",
    "cloud.catalog",
    "cloud.capacity",
    "cloud.entitlements",
    "cloud.sales",
    "cloud.bookings",
    "cloud.admissions",
    "cloud.gates",
    "cloud.admin",
    "cloud.storefront",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "cloud.admin.logins.LoginMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_VERBOSE = False  # or every command begins with its version
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # trying meanwhile makes nobody wait longer
AXES_LOCKOUT_CALLABLE = "cloud.admin.sections.login.locked_out"
AXES_IPWARE_PROXY_COUNT = environment.proxy_count
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
CSRF_FAILURE_VIEW = "cloud.admin.errors.csrf_failure"
LOGIN_URL = "console:login"
LOGIN_REDIRECT_URL = "console:overview"
LOGOUT_REDIRECT_URL = "console:login"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("简体中文")), ("en", _("English"))]
LOCALE_PATHS = [Path(__file__).parent / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"  # stored; people see the venue's time

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
MEDIA_ROOT = (environment.media or VAR / "media").absolute()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = environment.secure_cookies
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = environment.session_hours * 3600
SESSION_IDLE_AGE = environment.session_idle_minutes * 60  # seconds; LoginMiddleware looks after it
REQUIRE_SECOND_FACTOR = environment.require_second_factor
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000  # an action on chosen rows of a list names each

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
