"""What a Claude model costs, in US dollars for a million tokens.

From https://platform.claude.com/docs/en/about-claude/pricing as read in November 2026. A model that is not listed is
reckoned at the dearest listed price, so that a spending cap never errs on the wrong side.
"""

from dataclasses import dataclass

MILLION = 1_000_000
BATCH_SHARE = 0.5  # a batch costs half


@dataclass(frozen=True)
class Price:
    """Dollars a million tokens: read, written, and read from or written to the prompt cache (five minutes)."""

    input: float
    output: float

    @property
    def cache_read(self) -> float:
        """A tenth of the input price."""
        return self.input * 0.1

    @property
    def cache_write(self) -> float:
        """A quarter more than the input price."""
        return self.input * 1.25

    def of(self, input_tokens: int, output_tokens: int, cache_read: int = 0, cache_write: int = 0) -> float:
        """Dollars for so many tokens of each kind; the kinds do not overlap."""
        read = input_tokens * self.input + cache_read * self.cache_read + cache_write * self.cache_write
        return (read + output_tokens * self.output) / MILLION


PRICES = {
    "claude-sonnet-5-5": Price(2, 10),
    "claude-opus-5-5": Price(4, 20),
    "claude-fable-5-1": Price(10, 50),
    "claude-haiku-4-5": Price(1, 5),
}
DEAREST = max(PRICES.values(), key=lambda price: price.output)


def price_of(model: str) -> Price:
    """The price of a model, by the longest listed name in its own, before which a cloud may put its region."""
    known = [name for name in PRICES if name in model]
    return PRICES[max(known, key=len)] if known else DEAREST
