"""How the pages write numbers."""

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"


def number(value: float | None, decimals: int = 0) -> str:
    """Return a number with its thousands apart, a dash where there is none."""
    return NOTHING if value is None else f"{value:,.{decimals}f}".replace("-", MINUS)


def signed(value: float, decimals: int) -> str:
    """Return a number with its sign."""
    return f"{value:+,.{decimals}f}".replace("-", MINUS)


def p_value(value: float) -> str:
    """Return a p-value as in a text: never 0."""
    return "p < .001" if value < 0.001 else f"p = {value:.3f}"


def times(value: float | None) -> str:
    """Return a multiple."""
    return NOTHING if value is None else f"{value:.3g}×"


def size(value: float) -> str:
    """Return a size in bytes with a unit."""
    for unit in ("B", "kB", "MB"):
        if value < 999.5:  # what would round to "1e+03"
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:,.3g} GB"


def seconds(value: float) -> str:
    """Return seconds, those below a tenth with three decimals: many generations of points take less."""
    return f"{value:,.1f}" if value >= 0.1 or value == 0 else f"{value:.3f}"


def digits(value: float | None) -> str:
    """Return a number with four digits, a dash where there is none."""
    if value is None:
        return NOTHING
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.4g}").replace("-", MINUS)


def score_title(name: str) -> str:
    """Return what a score is called in a heading."""
    return {"fid": "FID", "kid": "KID", "kid_standard_error": "KID standard error", "authpct": "AuthPct"}.get(
        name, name.replace("_", " ").capitalize()
    )
