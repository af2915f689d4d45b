"""The gates' server: gRPC, a process of its own. No rules here: every call goes to a service of a room below."""
