"""Every promised figure beside its baseline in one run; the extension imports nothing of this."""
