from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "cloud.bookings"
    label = "bookings"
