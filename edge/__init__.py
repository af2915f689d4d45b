"""The edge daemon: one entrance, its lanes, its store. Never imports `cloud`."""
