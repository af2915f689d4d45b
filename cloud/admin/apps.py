from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "cloud.admin"
    label = "console"  # "admin" is django.contrib.admin's
