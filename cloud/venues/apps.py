from django.apps import AppConfig


class VenuesConfig(AppConfig):
    name = "cloud.venues"
    label = "venues"
