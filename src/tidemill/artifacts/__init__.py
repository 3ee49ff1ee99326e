"""Bytes: addresses, storages, uploads, downloads, digests."""
