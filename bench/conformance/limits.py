"""How long a method may take in `autophagy check`; no library is imported for it."""

HOOK_SECONDS = 10.0
ALL_SECONDS = 120.0  # far more than plain hooks take, for machines that are slow or busy
