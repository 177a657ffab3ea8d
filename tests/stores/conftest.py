from tests.stores.s3 import store

__all__ = ["store"]
