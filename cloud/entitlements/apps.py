from django.apps import AppConfig


class EntitlementsConfig(AppConfig):
    name = "cloud.entitlements"
    label = "entitlements"
