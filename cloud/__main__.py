"""`python -m cloud ...`: the control plane's processes and the few commands beside them."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from pathlib import Path

PASSWORD_VARIABLE = "PAIFANG_ADMIN_PASSWORD"  # noqa: S105 - its name


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 done, 1 it could not be done (said on stderr), 2 wrong usage."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloud.settings")
    if arguments[:1] == ["demo"]:
        from cloud.demo import cli

        return cli.main(arguments[1:])
    asked = _parser().parse_args(arguments)
    import django

    django.setup()
    from cloud.core.errors import DomainError
    from cloud.rpc.server import AddressError

    try:
        asked.act(asked)
    except DomainError as refused:
        print(f"paifang cloud: {refused.en}", file=sys.stderr)
        return 1
    except AddressError as problem:
        print(f"paifang cloud: {problem}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="paifang cloud", description="The control plane. Settings come from PAIFANG_* (docs/cloud.md)."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, act: object, help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.set_defaults(act=act)
        return added

    web = command("web", _web, "serve the console; put a TLS proxy in front of it")
    web.add_argument("--bind", default="127.0.0.1:8000", help="host:port, default %(default)s")
    web.add_argument("--workers", type=int, default=1, help="processes, default %(default)s")
    web.add_argument("--threads", type=int, default=8, help="threads in each, default %(default)s")
    rpc = command("rpc", _rpc, "serve the gates: the enrol port and the gates' port")
    rpc.add_argument("--enrol", help="host:port, default PAIFANG_RPC_ENROL_ADDRESS")
    rpc.add_argument("--gates", help="host:port, default PAIFANG_RPC_GATES_ADDRESS")
    command("worker", _worker, "run jobs, deliver events, look after feeds, ledgers and silent edges")
    command("migrate", _migrate, "bring the database up to date; make roles, authority, static files, translations")
    admin = command("createadmin", _createadmin, f"a first administrator; password from ${PASSWORD_VARIABLE} or asked")
    admin.add_argument("username")
    admin.add_argument("--name", default="", help="as shown to others")
    reset = command("resetlogin", _resetlogin, "let in whoever locked themselves out: prints a one-time password")
    reset.add_argument("username")
    reset.add_argument("--keep-second-factor", action="store_true", help="only the password is lost")
    venue = command("createvenue", _createvenue, "a venue with its signing keys; the rest is set up in the console")
    venue.add_argument("code", help="short and unique, as in an address: south-lake")
    venue.add_argument("name", help="in Chinese")
    venue.add_argument("--name-en", default="", help="in English")
    venue.add_argument("--time-zone", default="Asia/Shanghai", help="default %(default)s")
    venue.add_argument(
        "--day-start", type=int, default=0, metavar="MINUTES", help="business day's start after midnight"
    )
    taking = command("takejournal", _takejournal, "take in a journal that `paifang edge export` wrote")
    taking.add_argument("edge", help="its name or number")
    taking.add_argument("file", help="as the edge wrote it")
    taking.add_argument("--venue", help="the venue's code, where several have an edge of that name")
    came_back = command("restored", _restored, "after the database came back from a backup: the gates take it all anew")
    came_back.add_argument("--venue", help="one venue's code; default: every venue")
    token = command("token", _token, "print a one-time enrolment token for an edge, good for 15 minutes")
    token.add_argument("edge", help="its name or number")
    token.add_argument("--venue", help="the venue's code, where several have an edge of that name")
    member = command("membercert", _membercert, "a key and certificate for an etcd member of a site (docs/edge.md)")
    member.add_argument("folder", help="where member.key, member.pem and authority.pem are written")
    member.add_argument("hosts", nargs="+", metavar="host", help="names or addresses edges and members reach it by")
    commands.add_parser("demo", help="the demo venue on this machine: see demo --help", add_help=False)
    return parser


def _web(asked: argparse.Namespace) -> None:
    from cloud.web import Web, prepare_files

    prepare_files()
    Web(bind=asked.bind, workers=asked.workers, threads=asked.threads).run()


def _rpc(asked: argparse.Namespace) -> None:
    from cloud.rpc.server import Addresses, serve
    from cloud.settings import environment

    addresses = Addresses(
        enrol=asked.enrol or environment.rpc_enrol_address,
        gates=asked.gates or environment.rpc_gates_address,
        public_host=environment.rpc_public_host,
    )
    asyncio.run(serve(addresses))


def _worker(_: argparse.Namespace) -> None:
    from cloud.worker.process import run_until_signalled

    run_until_signalled()


def _migrate(_: argparse.Namespace) -> None:
    from django.core.management import call_command

    from cloud.core.actors import Actor
    from cloud.gates.services import ensure_authority
    from cloud.staff.services import ensure_roles
    from cloud.web import prepare_files

    call_command("migrate", interactive=False)
    ensure_roles()
    ensure_authority(actor=Actor.system("migrate"))
    prepare_files()


def _takejournal(asked: argparse.Namespace) -> None:
    from django_scopes import scope, scopes_disabled

    from cloud.admissions.services import take_file
    from cloud.gates.selectors import find_edge

    with scopes_disabled():
        edge = find_edge(asked.edge, asked.venue)
    with scope(venue=edge.venue):
        taken, here = take_file(edge, asked.file)
    print(f"{taken} entries read; the journal of {edge.name} here ends with {here}")


def _restored(asked: argparse.Namespace) -> None:
    from django_scopes import scope

    from cloud.core.errors import DomainError
    from cloud.entitlements import restored
    from cloud.venues.models import Venue

    venues = Venue.objects.filter(code=asked.venue) if asked.venue else Venue.objects.all()
    if not venues:
        raise DomainError("venue.unknown", "没有这个景区。", "There is no such venue.")
    for venue in venues.order_by("code"):
        with scope(venue=venue):
            count = restored.outrank(venue)
        print(f"{venue.code}: {count} entitlements outrank what the gates hold; each gate takes a snapshot")


def _createadmin(asked: argparse.Namespace) -> None:
    from cloud.core.actors import Actor
    from cloud.staff.services import create_employee

    password = os.environ.get(PASSWORD_VARIABLE) or getpass.getpass(f"Password of {asked.username}: ")
    create_employee(
        actor=Actor.system("createadmin"), username=asked.username, password=password, name=asked.name, superuser=True
    )
    print(f"{asked.username} may do everything at every venue.")


def _resetlogin(asked: argparse.Namespace) -> None:
    from cloud.core.actors import Actor
    from cloud.staff.services import reset_login
    from cloud.staff.services.passwords import ONE_TIME_LIFE

    password = reset_login(
        actor=Actor.system("resetlogin"), username=asked.username, second_factor=not asked.keep_second_factor
    )
    kept = "The second factor stays." if asked.keep_second_factor else "There is no second factor any more."
    print(password)
    print(
        f"Lets {asked.username} in once within {ONE_TIME_LIFE.days} days, to choose a password. {kept} "
        "All sessions are ended.",
        file=sys.stderr,
    )


def _createvenue(asked: argparse.Namespace) -> None:
    from django.db import transaction
    from django_scopes import scope

    from cloud.core.actors import Actor
    from cloud.entitlements.keys import ensure_venue_keys
    from cloud.venues.services import create_venue

    with transaction.atomic():
        venue = create_venue(
            actor=Actor.system("createvenue"), code=asked.code, name_zh=asked.name, name_en=asked.name_en,
            time_zone=asked.time_zone, day_start_minutes=asked.day_start,
        )  # fmt: skip
        with scope(venue=venue):
            ensure_venue_keys(venue)
    print(f"{venue.code} is there. Log in to the console to make its stations, edges and devices.")


def _token(asked: argparse.Namespace) -> None:
    from django_scopes import scope, scopes_disabled

    from cloud.core.actors import Actor
    from cloud.gates.selectors import find_edge
    from cloud.gates.services import create_token

    with scopes_disabled():
        edge = find_edge(asked.edge, asked.venue)
    with scope(venue=edge.venue):
        print(create_token(actor=Actor.system("token command"), edge=edge))


def _membercert(asked: argparse.Namespace) -> None:
    from cloud.core.actors import Actor
    from cloud.gates.authority import member_certificate

    key, certificate, authority = member_certificate(asked.hosts, actor=Actor.system("membercert"))
    folder = Path(asked.folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / "member.key", "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(key)
    (folder / "member.pem").write_bytes(certificate)
    (folder / "authority.pem").write_bytes(authority)
    print(f"{folder}: member.key, member.pem, authority.pem, for {', '.join(asked.hosts)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
