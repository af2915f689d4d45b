"""What a venue chose about its list of products: when one is about to go off sale (T-05)."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SEEN, SectionForm
from cloud.admin.kit.page import page, show
from cloud.admin.kit.section import actor_of
from cloud.catalog import product_services
from cloud.core.errors import DomainError
from cloud.staff.permissions import Permission


class SettingsForm(SectionForm):
    soon_days = forms.IntegerField(
        label=_("About to go off sale: within so many days"), min_value=1, max_value=365,
        help_text=_("The list of products shows those that go off sale by themselves so soon."),
    )  # fmt: skip


@page(Permission.PRODUCT_MANAGE)
def settings(request: HttpRequest, desk: Desk) -> HttpResponse:
    initial = {"soon_days": product_services.soon_days(desk.venue)}
    form = SettingsForm(desk, None, request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            product_services.set_sale_settings(**actor_of(desk), **form.cleaned_data)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, gettext("Settings are saved."))
            return redirect("console:section-list", "products")
    context = {
        "form": form,
        "title": gettext("List settings"),
        "back": reverse("console:section-list", args=["products"]),
        "back_title": gettext("Products"),
        "seen_name": SEEN,
        "seen": "",
    }
    return show(request, desk, "console/section/form.html", context, 422 if form.is_bound else 200)
