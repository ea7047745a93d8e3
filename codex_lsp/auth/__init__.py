"""Credentials: one login shared by every window, no refresh token spent twice."""
