"""Fetching over HTTP: retries, quotas, resumed downloads, and the cache they go to."""
