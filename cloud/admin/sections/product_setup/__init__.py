"""Setting up a product: the manual's blocks as pages of one guided form, each saved and checked by itself (T-06)."""
