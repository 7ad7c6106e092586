"""How networks are composed and trained."""
