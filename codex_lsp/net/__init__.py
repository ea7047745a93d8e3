"""HTTP clients: certificates, proxies, and network failures in a person's words."""
