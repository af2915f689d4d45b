"""A ticket's page, what its code is drawn from, and the service worker that keeps the page for the day."""

from __future__ import annotations

from pathlib import Path

from axes.helpers import get_client_ip_address
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods
from django_scopes import scope

from cloud.core.policy import CONTENT_POLICY
from cloud.entitlements import links
from cloud.entitlements.models import Entitlement
from cloud.storefront import holder, limits, ticket

_WORKER = Path(__file__).parent / "static" / "storefront" / "worker.js"
LANGUAGES = {"zh": "zh-hans", "en": "en"}


@csrf_exempt  # the address is the right to do it; no cookie takes part, so no other site can act for somebody
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    """The page: facts, and places for what the script says. It works again without network until the day ends.

    A POST activates the ticket, where that is its holder's to do.
    """
    language = LANGUAGES.get(request.GET.get("lang", "")) or translation.get_language() or "zh-hans"
    with translation.override(language):
        entitlement = _found(request, token)
        if isinstance(entitlement, HttpResponse):
            return _secured(render(request, "storefront/missing.html", status=entitlement.status_code))
        with scope(venue=entitlement.venue):
            form = holder.form_of(request, token, entitlement)
            if form is not None and form.done:
                return _secured(HttpResponseRedirect(request.get_full_path()))
            context = {"facts": ticket.facts_of(entitlement), "short": language[:2], "form": form}
            status = form.status if form is not None else 200
            return _secured(render(request, "storefront/ticket.html", context, status=status))


@require_GET
def now(request: HttpRequest, token: str) -> HttpResponse:
    """What the phone draws from, fetched once a day and looked at again each minute."""
    if not limits.spend("ticket", token, limits.FETCHES):
        return _too_often()
    entitlement = _found(request, token)
    if isinstance(entitlement, HttpResponse):
        return _secured(entitlement)
    with scope(venue=entitlement.venue):
        return _secured(JsonResponse(ticket.code_of(entitlement)))


@require_GET
def worker(request: HttpRequest) -> HttpResponse:
    """From here and not from the static files: a worker governs the addresses below its own."""
    response = FileResponse(_WORKER.open("rb"), content_type="text/javascript")
    response["Cache-Control"] = "no-cache"
    return _secured(response)


def _found(request: HttpRequest, token: str) -> Entitlement | HttpResponse:
    """The ticket, or 404; who guesses is counted by address and told 429."""
    address = str(get_client_ip_address(request))
    if limits.spent("guess", address, limits.GUESSES):
        return _too_often()
    entitlement = links.find(token)
    if entitlement is None:
        limits.spend("guess", address, limits.GUESSES)
        return JsonResponse({"state": "gone"}, status=404)
    return entitlement


def _too_often() -> HttpResponse:
    response = _secured(JsonResponse({"state": "later"}, status=429))
    response["Retry-After"] = str(limits.MINUTE)
    return response


def _secured(response: HttpResponse) -> HttpResponse:
    """Nothing of a ticket stays in a shared cache, goes to another site, or is found by a search engine."""
    response["Content-Security-Policy"] = CONTENT_POLICY
    response.setdefault("Cache-Control", "private, no-store")
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
