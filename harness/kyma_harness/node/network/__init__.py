"""Pod IPs for the API's eyes, and the host's ports at which Services answer."""
