from django.apps import AppConfig


class CapacityConfig(AppConfig):
    name = "cloud.capacity"
    label = "capacity"
