from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "cloud.staff"
    label = "staff"
