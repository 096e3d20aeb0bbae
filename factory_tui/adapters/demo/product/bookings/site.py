"""How the service stands in production: what each of its answers carries, and which volume holds its data."""

from __future__ import annotations

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}

VOLUME = "data"
