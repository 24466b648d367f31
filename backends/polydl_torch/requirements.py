"""What this backend needs; imports no framework."""

REQUIRES = ("torch",)
EXTRA = "torch"
