"""The addresses of visitors' pages."""

from __future__ import annotations

from django.urls import path

from cloud.storefront import views

app_name = "storefront"
urlpatterns = [
    path("worker.js", views.worker, name="worker"),
    path("<str:token>", views.page, name="ticket"),
    path("<str:token>/now", views.now, name="ticket-now"),
]
