"""The addresses of the web process."""

from django.urls import URLPattern, URLResolver, include, path

from cloud.admin.health import healthz

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("t/", include("cloud.storefront.urls")),
    path("", include("cloud.admin.urls")),
]

handler403 = "cloud.admin.errors.forbidden"
handler404 = "cloud.admin.errors.not_found"
handler500 = "cloud.admin.errors.failure"
