"""The Responses API: requests, server-sent events, retries, and the bearer."""
