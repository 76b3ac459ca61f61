import pytest


@pytest.fixture(scope="session")
def hnsw() -> None:
    """Skips what needs graphs where hnswlib, which is built from source, is missing."""
    pytest.importorskip("hnswlib", reason="the hnsw extra is not installed", exc_type=ImportError)
