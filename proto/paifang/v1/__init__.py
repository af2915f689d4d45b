"""The wire contract, version 1. The *_pb2*.py files are generated: `make proto`."""
