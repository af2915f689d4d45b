"""The few messages of etcd's version 3 interface that edges speak. Generated from rpc.proto."""
