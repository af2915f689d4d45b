from django.apps import AppConfig


class SalesConfig(AppConfig):
    name = "cloud.sales"
    label = "sales"
