from tests.support.servers.s3 import store

__all__ = ["store"]
