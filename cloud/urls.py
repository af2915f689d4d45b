"""The addresses of the web process."""

from django.urls import URLPattern, URLResolver, include, path

from cloud.admin.health import healthz
from cloud.storefront.media import product_media

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("media/<slug:venue_code>/<slug:content_hash>", product_media, name="product-media"),
    path("t/", include("cloud.storefront.urls")),
    path("", include("cloud.admin.urls")),
]

handler403 = "cloud.admin.errors.forbidden"
handler404 = "cloud.admin.errors.not_found"
handler500 = "cloud.admin.errors.failure"
