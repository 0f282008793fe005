"""A member that no app needs."""
