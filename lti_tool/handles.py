"""Short names for people who must not be named: "heron-56", the same for the same person every time."""

import hashlib
from collections.abc import Iterator

_LIST = (
    "alder aspen badger beech birch bison bramble briar brook cedar clover comet coral crane cricket curlew "
    "dahlia delta dune egret elder elm ember falcon fern finch fjord fox gannet garnet ginkgo glade grebe grove "
    "harbor hare hazel heath heron holly ibis iris ivy jasper juniper kestrel lagoon larch lark laurel lichen "
    "linnet lotus lynx magpie maple marten meadow merlin moss myrtle newt oak opal oriole osprey otter owl "
    "petrel pine plover poplar quail quartz raven reed robin rowan sage sedge shrike siskin sorrel sparrow spruce "
    "stoat swallow swift tansy teal tern thistle thrush topaz tulip vole walnut willow wren yarrow yew"
)
WORDS = tuple(_LIST.split())
FIRST_DIGITS = 2
TRIES_PER_LENGTH = 8


def handles(registration_id: int, sub: str) -> Iterator[str]:
    """The handles a person may have, best first: two digits, then three and more as those are taken."""
    tries = 0
    while True:
        seed = f"{registration_id}\x00{sub}\x00{tries}".encode("utf-8", "surrogatepass")
        number = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big")
        word = WORDS[number % len(WORDS)]
        least = 10 ** (FIRST_DIGITS - 1 + tries // TRIES_PER_LENGTH)
        yield f"{word}-{least + number // len(WORDS) % (9 * least)}"
        tries += 1
