from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "cloud.core"
    label = "core"
