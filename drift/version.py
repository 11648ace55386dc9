"""Which version of the product this is: the only place where the number stands, and all others read it."""

# Semantic (semver.org): a promised path, command, address or column that changes its meaning raises the first number,
# from 1.0.0 on; until then the second.
__version__ = "0.1.0"
