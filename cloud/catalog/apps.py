from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "cloud.catalog"
    label = "catalog"
