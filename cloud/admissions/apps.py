from django.apps import AppConfig


class AdmissionsConfig(AppConfig):
    name = "cloud.admissions"
    label = "admissions"
