"""The process people meet: HTTP API, pages, figures."""
