"""Tests against the real service."""
