from django.apps import AppConfig


class StorefrontConfig(AppConfig):
    name = "cloud.storefront"
    label = "storefront"
