"""A product's prices and stock by day and slot: the page at /products/<id>/calendar, and its Excel."""
