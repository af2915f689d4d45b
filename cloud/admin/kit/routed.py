"""Addresses of sections -> their views: the section by its key, its permission, then the view."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import url_has_allowed_host_and_scheme

from cloud.admin.kit import registry
from cloud.admin.kit.page import page
from cloud.admin.kit.section import Section
from cloud.staff.permissions import Permission

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

SectionView = Callable[..., HttpResponse]
Needs = Callable[[Section, dict[str, Any]], Permission | None]


def section_page(needs: Needs) -> Callable[[SectionView], Callable[..., HttpResponse]]:
    """Makes `view(request, desk, section, ...)` a page of every section. `needs` says None where there is none."""

    def wrap(view: SectionView) -> Callable[..., HttpResponse]:
        @wraps(view)
        def run(request: HttpRequest, key: str, **place: Any) -> HttpResponse:
            section = registry.find(key)
            wanted = needs(section, place) if section else None
            if section is None or wanted is None:
                raise Http404(key)
            return page(wanted)(view)(request, section, **place)

        return run

    return wrap


def row_or_404(desk: Desk, section: Section, pk: int) -> Any:
    """The row within the venue."""
    if pk > 2**63 - 1:
        raise Http404(pk)
    return get_object_or_404(section.rows(desk), **{section.by: pk})


def way_back(request: HttpRequest, otherwise: str) -> str:
    """The address on this site that the page named as the one to go back to."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = wanted.startswith("/") and url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else otherwise
