"""The cloud control plane. Never imports `edge`."""
