"""Device drivers: bytes in, events out. `serial` alone touches ports; everything else is sans-IO."""
