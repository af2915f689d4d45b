"""What edge and cloud share: the wire contract, the pass format, reasons and record layouts."""

__version__ = "0.1.0"
