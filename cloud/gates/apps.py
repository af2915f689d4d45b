from django.apps import AppConfig


class GatesConfig(AppConfig):
    name = "cloud.gates"
    label = "gates"
